"""Run one measurement by name, write its page, and end with one line of JSON."""

import argparse
import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from .report import write

NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if "\ndef measure(" in path.read_text(encoding="utf-8")
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python dev.py measure", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("part", nargs="?", default="", help="of those that have parts: gpu")
    parser.add_argument("--quick", action="store_true", help="a short form, for a first look")
    options = parser.parse_args(arguments)
    module = importlib.import_module(f".{options.name}", __package__)
    parts = getattr(module, "PARTS", {})
    if options.part and options.part not in parts:
        named = ", ".join(parts) or "none"
        parser.error(f"{options.name} has no part {options.part!r}; its parts: {named}")
    if options.part:
        report = module.measure(options.quick, options.part)
    else:
        report = module.measure(options.quick)
    name = f"{options.name} {options.part}".strip()
    print(f"Written: {write(name, report, options.quick)}")
    print(json.dumps(report.figures))


if __name__ == "__main__":
    main()
