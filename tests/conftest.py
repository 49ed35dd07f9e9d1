"""What the tests share: ComfyUI in this process, a base directory of its own, and the long tier."""

import gc
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from atelier.demo import engine

PACK = Path(__file__).resolve().parent.parent
_BASE = tempfile.TemporaryDirectory(prefix="atelier-tests-", ignore_cleanup_errors=True)

# How long an example takes is no property of the code on a busy machine.
settings.register_profile("atelier", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("atelier")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tier too")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is read: some import comfy.

    Of several processes (`-n`), each has its own ComfyUI; the first only hands out work.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    make_base(Path(_BASE.name))
    engine.start(Path(_BASE.name))


def pytest_unconfigure(config: pytest.Config) -> None:
    _BASE.cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_collection_finish() -> None:
    """Every training asks for a collection, which would look through all modules each time."""
    gc.collect()
    gc.freeze()


def make_base(base: Path) -> None:
    """Fill `base` as dev.py fills `.dev/base`: folders, this pack, the demo's model and pictures.

    The last two are those that dev.py installed, linked.
    """
    from atelier.demo.install import install

    kept = engine.base_directory()
    install(kept)
    for name in ("models/loras", "input", "output", "temp", "user", "custom_nodes"):
        (base / name).mkdir(parents=True, exist_ok=True)
    for name in ("models/checkpoints", "input/atelier-demo"):
        (base / name).symlink_to(kept / name, target_is_directory=True)
    (base / "custom_nodes" / "atelier").symlink_to(PACK, target_is_directory=True)


@pytest.fixture(scope="session")
def comfy_base() -> Path:
    """The base directory of the ComfyUI in this process."""
    return Path(_BASE.name)
