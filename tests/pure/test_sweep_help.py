"""What docs/sweeps.md says of values and of the command is so."""

import re
import shlex
from pathlib import Path

import pytest

from atelier.training.sweep import command
from atelier.training.sweep.points import MODES, SEARCH
from atelier.training.sweep.values import MOST, Span, Spec, parse

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "sweeps.md"
TEXT = PAGE.read_text(encoding="utf-8")
CHOICES = ("euler", "heun", "sd15.safetensors", "sd15-inpaint.safetensors", "flux.safetensors")
SPECS = {
    "a whole number": Spec("INT", 0, 1000),
    "a number": Spec("FLOAT", 0.0, 1000.0),
    "a choice": Spec("COMBO", choices=CHOICES),
    "a switch": Spec("BOOLEAN"),
    "a text": Spec("STRING"),
}
ROWS = re.findall(r"^\| (an? [a-z ]+) \| `([^`]+)` \| (.+) \|$", TEXT, re.MULTILINE)
SHORT = (PAGE.parent.parent / "web/parts/sweep/help.js").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python \S+/sweep\.py (.+)$", TEXT, re.MULTILINE)


class Files:
    def lines(self, name):
        assert name == "prompts.txt"
        return ["a hat", "a cat, sitting"]

    def folders(self, pattern):
        assert pattern == "hats-*"
        return ["hats-red", "hats-blue"]


def test_the_page_has_an_example_of_each_form():
    written = " ; ".join(text for _, text, _ in ROWS)
    for form in (
        "…",
        "..",
        "log 5",
        "log",
        "×",
        "x2",
        "*2",
        "+2",
        "file ",
        "folders ",
        '"',
        "sd15*",
    ):
        assert form in written
    assert {kind for kind, _, _ in ROWS} == set(SPECS)


@pytest.mark.parametrize(("kind", "text", "told"), ROWS, ids=[text for _, text, _ in ROWS])
def test_an_example_gives_what_the_page_says(kind, text, told):
    found = parse(text, SPECS[kind], Files())
    if isinstance(found, Span):
        assert told.startswith("all between") and ("logarithm" in told) == found.log
        return
    wanted = re.findall(r"`([^`]+)`", told)
    wanted = wanted if kind == "a text" else wanted[0].split(", ")
    shown = [
        str(v).lower() if isinstance(v, bool) else f"{v:g}" if isinstance(v, float) else v
        for v in found
    ]
    assert [str(one) for one in shown] == wanted


def _shown(value):
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_understood(line):
    options = command._parser().parse_args(shlex.split(line))
    for axis in getattr(options, "axis", ()):
        _, _, values = axis.partition("=")
        parse(values, Spec("FLOAT"))


def test_each_command_mode_limit_and_exit_code_is_told():
    assert {line.split()[0] for line in COMMANDS} == {"run", "resume", "results", "list"}
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == {*MODES, SEARCH}
    assert TEXT.count(f"{MOST:,}") == 2
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    assert codes == {
        command.ALL, command.SOME, command.WRONG, command.NOBODY, command.STOPPED,
    }  # fmt: skip


def test_the_short_help_of_the_panel_is_so_too():
    values = SHORT[SHORT.index("VALUES") : SHORT.index("AFTER")]
    examples = re.findall(r'\["([^"]+)", ', values)
    assert len(examples) >= 9
    kinds = {"*": "a choice", "f": "a text"}
    for text in examples:
        assert parse(text, SPECS[kinds.get(text[0], "a number")], Files()), text
