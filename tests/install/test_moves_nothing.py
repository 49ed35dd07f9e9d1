"""Installing the pack moves nothing that a ComfyUI environment has: `pip freeze` only grows.

Both generations of environments, transformers 4.57 with huggingface_hub 0.36 and transformers 5
with huggingface_hub 2, are made from ComfyUI's own requirements. Then the pack's requirements are
installed by the real code of ComfyUI-Manager and comfy-cli, and by hand. `-s` shows what came.

Needs the network. Set ATELIER_TEST_TORCH to a small build (`torch==2.13.0+cpu`, where pip finds
one); plain `torch` takes 5 GB for each generation on Linux.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atelier.tests.install.ground import Ground, name_of, requirement_lines

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

GENERATIONS = {
    "transformers 4.57": ("transformers==4.57.*", "huggingface_hub==0.36.*"),
    "transformers 5": ("transformers==5.*", "huggingface_hub==2.*"),
}

ADAPT = """
import huggingface_hub, peft, torch, transformers
from torch import nn
from atelier.training.adapters.adapter import Adapter
from atelier.training.adapters.keys import NATIVE
from atelier.training.config import make_config

network = nn.ModuleDict({"blocks": nn.ModuleList(
    nn.ModuleDict({"attn": nn.ModuleDict({"qkv": nn.Linear(8, 24), "proj": nn.Linear(24, 8)})})
    for _ in range(11)
)}).to(torch.bfloat16)
adapter = Adapter(network, make_config(rank=4, alpha=4.0, targets="attention"))
values = torch.randn(2, 8, dtype=torch.bfloat16)
for block in network["blocks"]:
    values = block["attn"]["proj"](block["attn"]["qkv"](values))
values.float().square().sum().backward()
assert len(adapter.parameters()) == 44
assert all(p.grad is not None and p.dtype == torch.float32 for p in adapter.parameters())
assert len(adapter.file_state(NATIVE)) == 66
for module in (peft, torch, transformers, huggingface_hub):
    print(module.__name__, module.__version__, end="; ")
"""

SCHEDULE = """
import diffusers, torch
from atelier.training.schedule import make_schedule

optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
schedule = make_schedule("polynomial", optimizer, steps=10, warmup=0)
for _ in range(10):
    optimizer.step()
    schedule.step()
assert schedule.get_last_lr()[0] < 1e-3
print("diffusers", diffusers.__version__)
"""

MANAGER = """
import sys
from cm_cli import __main__ as manager

manager.core.get_config()  # as ComfyUI does at its start: pip or uv
manager.post_install(sys.argv[1])
"""

COMFY_CLI = """
import sys
from comfy_cli.command.custom_nodes import command

command.workspace_manager.workspace_path = sys.argv[1]
command.execute_install_script(sys.argv[2])
"""


def by_manager(ground: Ground) -> None:
    """ComfyUI-Manager's own way, and `comfy node install`'s: `pip install` for each line."""
    assert_ran("-m pip install peft", ground.call("-c", MANAGER, ground.pack))


def by_manager_with_uv(ground: Ground) -> None:
    """The same with `uv pip install`, its default outside Windows."""
    settings = ground.folder / "user" / "__manager" / "config.ini"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[default]\nuse_uv = true\n", encoding="utf-8")
    said = ground.call("-c", MANAGER, ground.pack)
    settings.unlink()
    assert_ran("-m uv pip install peft", said)


def by_comfy_cli(ground: Ground) -> None:
    """`comfy node registry-install`, from where the pack is unpacked."""
    assert_ran("-m pip install -r", ground.call("-c", COMFY_CLI, ground.folder, ground.pack))


def assert_ran(command: str, said: str) -> None:
    """Both tools print the list of arguments that they run, wrapped to the terminal."""
    assert command.replace(" ", "','") in "".join(said.split()), said


def by_hand(ground: Ground) -> None:
    ground.pip("install", "-r", ground.pack / "requirements.txt")


WAYS = (by_manager, by_manager_with_uv, by_comfy_cli, by_hand)


@pytest.fixture(scope="module", params=GENERATIONS)
def generation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """One environment for all the tests of a generation: making it takes the time."""
    folder = tmp_path_factory.mktemp("generation")
    ground = Ground(folder, Path(os.environ["COMFYUI_PATH"]))
    ground.provide(GENERATIONS[request.param])
    return ground


@pytest.fixture
def ground(generation: Ground) -> Iterator[Ground]:
    """The environment as it was made: what a test adds is taken away again."""
    before = generation.freeze()
    yield generation
    generation.uninstall(generation.freeze() - before)
    assert generation.freeze() == before


def adapt(ground: Ground) -> str:
    """Make and use an adapter in that environment; return the versions it was made with."""
    return ground.call("-W", "ignore", "-c", ADAPT, PYTHONPATH=str(ground.pack.parent))


def added(ground: Ground, before: set[str]) -> set[str]:
    """What was installed since `before`; fails where anything was moved or taken away."""
    after = ground.freeze()
    assert not before - after, f"moved or gone: {before - after}; came: {after - before}"
    return after - before


@pytest.mark.parametrize("install", WAYS, ids=lambda way: way.__name__)
def test_installing_only_adds(ground: Ground, install: Callable[[Ground], None]) -> None:
    before = ground.freeze()
    install(ground)
    new = added(ground, before)
    assert {name_of(line) for line in new} == {"accelerate", "peft"}
    print(f"\n  {install.__name__}: + {', '.join(sorted(new))} | {adapt(ground)}")


def test_the_oldest_peft_that_we_allow_works_and_stays(ground: Ground) -> None:
    (peft,) = requirement_lines(ground.pack / "requirements.txt")
    ground.pip("install", "--quiet", peft.replace(">=", "=="))
    before = ground.freeze()
    by_hand(ground)
    assert added(ground, before) == set()
    print(f"\n  {adapt(ground)}")


def test_diffusers_under_constraints_only_adds(ground: Ground) -> None:
    by_hand(ground)
    before = ground.freeze()
    constraints = ground.folder / "constraints.txt"
    constraints.write_text(ground.pip("list", "--format=freeze"), encoding="utf-8")
    ground.pip("install", "-c", constraints, "diffusers")
    new = added(ground, before)
    assert "diffusers" in {name_of(line) for line in new}
    came = ground.call("-W", "ignore", "-c", SCHEDULE, PYTHONPATH=str(ground.pack.parent))
    print(f"\n  + {', '.join(sorted(new))} | {came}")
