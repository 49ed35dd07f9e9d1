"""What the tests share: ComfyUI in this process, a base directory of its own, and the long tier."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from atelier.demo import engine, server
from atelier.demo.server import Server, running
from atelier.measure import card
from atelier.tests.served import emptied

PACK = Path(__file__).resolve().parent.parent
_BASE = tempfile.TemporaryDirectory(prefix="atelier-tests-", ignore_cleanup_errors=True)

# How long an example takes is no property of the code on a busy machine.
settings.register_profile("atelier", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("atelier")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tier too")
    parser.addoption(
        "--card",
        choices=["fp32", "half"],
        help="on a card that counts (measure/card) instead of the CPU, in this precision",
    )
    parser.addoption(
        "--dynamic", action="store_true", help="with --card: by DynamicVRAM, of ComfyUI 0.33"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is read: some import comfy.

    Of several processes (`-n`), each has its own ComfyUI; the first only hands out work.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    base = Path(_BASE.name)
    make_base(base)
    dynamic = bool(config.getoption("--dynamic"))
    engine.start(base, _on_card(config.getoption("--card"), dynamic) or engine.ON_CPU)
    if dynamic:
        engine.load_dynamically()


def _on_card(precision: str | None, dynamic: bool) -> list[str]:
    """ComfyUI's arguments on a card of 8 GiB, which it finds from here on; none without one."""
    if not precision:
        return []
    whole = ["--force-fp32", "--fp32-text-enc"] if precision == "fp32" else []
    arguments = [*engine.ON_CARD, *whole, *(card.DYNAMICALLY if dynamic else [])]
    variables = card.variables(8 * 2**30, dynamic)
    os.environ.update(variables | {server.ARGUMENTS: " ".join(arguments)})
    sys.path.insert(0, str(card.MODULE))
    return arguments


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

    The last two are those that dev.py installed, linked. What is there already stays.
    """
    from atelier.demo.install import install

    kept = engine.base_directory()
    install(kept)
    for name in ("models/loras", "input", "output", "temp", "user", "custom_nodes"):
        (base / name).mkdir(parents=True, exist_ok=True)
    links = {name: kept / name for name in ("models/checkpoints", "input/atelier-demo")}
    for name, target in (links | {"custom_nodes/atelier": PACK}).items():
        if not (base / name).exists():
            (base / name).symlink_to(target, target_is_directory=True)


@pytest.fixture(scope="session")
def comfy_base() -> Path:
    """The base directory of the ComfyUI in this process."""
    return Path(_BASE.name)


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A ComfyUI server as a process of its own: to start one takes ten seconds of a core."""
    base = tmp_path_factory.mktemp("server")
    make_base(base)
    with running(base) as started:
        yield started


@pytest.fixture(scope="module")
def empty_server(one_server: Server) -> Server:
    """That server as it was when it started, whatever the modules before did with it."""
    emptied(one_server)
    make_base(one_server.base)
    return one_server
