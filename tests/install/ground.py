"""A ComfyUI folder with an environment of its own, to install packs into and to throw away."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PACK = Path(__file__).resolve().parent.parent.parent
TORCH = os.environ.get("ATELIER_TEST_TORCH", "torch")
# As of November 2026. The Manager lives in ComfyUI's environment; comfy-cli often does.
TOOLS = ("comfyui-manager==4.3", "comfy-cli==1.23.0")
# ComfyUI's requirements without what holds only pictures and texts, and without what wants one
# exact torch, so that a small CPU build of torch will do.
LEFT_OUT = ("torch", "torchvision", "torchaudio", "spandrel", "kornia")
LEFT_OUT += ("comfyui-workflow-templates", "comfyui-embedded-docs")
OURS = ("PYTHONPATH", "PYTHONHOME", "HF_HUB_OFFLINE", "ATELIER_BASE")  # variables of the tests


def requirement_lines(path: Path) -> list[str]:
    """The requirements in a requirements.txt, without its comments."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def name_of(requirement: str) -> str:
    """The package's name in `torch==2.11.0+cpu` or `numpy>=1.25.0`."""
    length = next((i for i, c in enumerate(requirement) if c in "=<>~! @["), len(requirement))
    return requirement[:length].lower().replace("_", "-")


class Ground:
    """`folder` holds a ComfyUI, its virtual environment, and this pack in its custom_nodes."""

    def __init__(self, folder: Path, comfyui: Path) -> None:
        self.folder = folder / "ComfyUI"
        no_data = shutil.ignore_patterns("models", "output", "user", "custom_nodes", "__pycache__")
        shutil.copytree(comfyui, self.folder, ignore=no_data)
        self.pack = self.folder / "custom_nodes" / "atelier"
        not_cloned = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
        shutil.copytree(PACK, self.pack, ignore=not_cloned)
        self.venv = self.folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)

    def call(self, *command: str | Path, **variables: str) -> str:
        """Run the environment's Python with `command` in ComfyUI's folder; return what it prints.

        Raises AssertionError with all output where it fails.
        """
        scripts = self.venv / ("Scripts" if os.name == "nt" else "bin")
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        kept |= {
            "VIRTUAL_ENV": str(self.venv),
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "COMFYUI_PATH": str(self.folder),
            "DO_NOT_TRACK": "1",
        }
        done = subprocess.run(
            [str(scripts / "python"), *map(str, command)],
            cwd=self.folder,
            env=kept | variables,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
        )
        said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{said}"
        return done.stdout

    def pip(self, *arguments: str | Path) -> str:
        return self.call("-m", "pip", "--disable-pip-version-check", "--no-input", *arguments)

    def provide(self, packages: Iterable[str]) -> None:
        """Install what ComfyUI asks for, with `packages` for their versions, and the tools."""
        own = requirement_lines(self.folder / "requirements.txt")
        own = [line for line in own if name_of(line) not in LEFT_OUT]
        self.pip("install", "--quiet", TORCH, *own, *packages, *TOOLS)

    def freeze(self) -> set[str]:
        """Every installed package with its version, pip and setuptools too."""
        return set(self.pip("freeze", "--all").splitlines())

    def uninstall(self, frozen: Iterable[str]) -> None:
        names = [name_of(line) for line in frozen]
        if names:
            self.pip("uninstall", "--quiet", "--yes", *names)
