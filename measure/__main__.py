"""Run one measurement by name, write its page, and end with one line of JSON."""

import argparse
import importlib
import json
from pathlib import Path

from .report import write

NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if "\ndef measure(" in path.read_text(encoding="utf-8")
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python dev.py measure", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="a short form, for a first look")
    options = parser.parse_args()
    report = importlib.import_module(f".{options.name}", __package__).measure(options.quick)
    print(f"Written: {write(options.name, report, options.quick)}")
    print(json.dumps(report.figures))


if __name__ == "__main__":
    main()
