"""What only human eyes can judge: questions in a report, and the answers kept with the run."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..files import write_json
from ..run import Run
from .markup import Markup, joined, section, tag

FILE = "checklist.json"
MOST_NOTE = 4_000  # characters
_QUALITY = (("yes", "Yes"), ("partly", "Partly"), ("no", "No"))
_PEOPLE = (("nobody", "Nobody"), ("somebody", "Somebody"), ("unknown", "Cannot say"))


@dataclass(frozen=True)
class Question:
    name: str
    title: str
    asks: str
    choices: tuple[tuple[str, str], ...] = _QUALITY


QUESTIONS = (
    Question("relevance", "Relevance", "Do the pictures show what their prompts ask for?"),
    Question("appeal", "Appeal", "Are they good to look at: composition, light, colour?"),
    Question("detail", "Detail", "Do faces, hands, writing and textures hold at full size?"),
    Question(
        "originality",
        "Originality",
        "Are they new, and no copies of the training pictures or of each other?",
    ),
    Question(
        "missing",
        "Who is missing",
        "Across the plain prompts, without the trigger: who or what is never shown?",
        _PEOPLE,
    ),
    Question(
        "stereotyped",
        "Who is stereotyped",
        "Across the plain prompts: who is shown in one way only (work, place, age, dress, skin)?",
        _PEOPLE,
    ),
)
_NAMES = {question.name: question for question in QUESTIONS}
Name = Literal["relevance", "appeal", "detail", "originality", "missing", "stereotyped"]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    answer: str = Field(default="", max_length=20)
    note: str = Field(default="", max_length=MOST_NOTE)


class Checklist(BaseModel):
    """What the page sends and what is on disk."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1] = 1
    run: str = Field(default="", max_length=1000)
    answers: dict[Name, Answer] = Field(default_factory=dict)

    @field_validator("answers")
    @classmethod
    def _known(cls, answers: dict[Name, Answer]) -> dict[Name, Answer]:
        for name, one in answers.items():
            known = [choice for choice, _ in _NAMES[name].choices]
            if one.answer and one.answer not in known:
                raise ValueError(f"{name}: the answer is one of {', '.join(known)}, or empty")
        return answers


def answered(run: Run) -> Checklist:
    """What was answered for a run; nothing where it was not, or the file is damaged."""
    path = run.folder / FILE
    try:
        return Checklist.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return Checklist()


def keep(run: Run, list_: Checklist) -> None:
    """Write the answers into the run's folder."""
    run.refuse_vanished()
    told: dict[str, Any] = json.loads(list_.model_dump_json())
    write_json(run.folder / FILE, told | {"run": run.name})


def form(run: str, before: Checklist) -> Markup:
    """The section with the questions. `run` is a name."""
    return section(
        "checklist",
        "For human eyes",
        tag("p", "Scores do not see everything. Look at the pictures above, and say what you see."),
        tag(
            "form",
            *(_question(one, before.answers.get(one.name, Answer())) for one in QUESTIONS),  # pyright: ignore
            _buttons(),
            data_run=run,
            autocomplete="off",
        ),
    )


def _question(one: Question, before: Answer) -> Markup:
    choices = joined(
        tag(
            "label",
            tag("input", type="radio", name=one.name, value=value, checked=before.answer == value),
            words,
        )
        for value, words in one.choices
    )
    area = tag("textarea", before.note, name=f"{one.name}-note", maxlength=MOST_NOTE, rows=2)
    return tag(
        "fieldset",
        tag("legend", one.title),
        tag("p", one.asks),
        tag("div", choices, class_="choices"),
        tag("label", "Note", area, class_="note"),
        name=one.name,
    )


def _buttons() -> Markup:
    told = [
        tag("button", "Keep with the run", type="submit", name="save", hidden=True),
        tag("button", "Download answers", type="button", name="download"),
        tag("button", "Import answers", type="button", name="import"),
        tag("input", type="file", accept=".json", hidden=True, aria_label="Answers to import"),
        tag("span", role="status"),
    ]
    return tag("div", *told, class_="buttons")
