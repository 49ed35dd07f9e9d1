"""The model card: what is on it, and that strangers' texts are nothing but text there."""

import json
import re

import pytest

from atelier.tests.galleries import write_grid
from atelier.training.evaluation.gallery import read
from atelier.training.ship.card import About, Contents, Shown, card
from atelier.training.ship.judged import judged

RUN = {"config": {"adapter": "lora", "prompts": ["secret"]}, "dataset": "abc"}
HEADER = {
    "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    "modelspec.resolution": "1024x1024",
    "ss_network_dim": "16",
    "ss_num_train_images": "12",
    "atelier.run": json.dumps(
        {"config": {"adapter": "lora", "prompts": ["secret"]}, "dataset": "abc"}
    ),
    "atelier.notes": json.dumps({"hats": "CC0, by me"}),
    "ss_odd": "never told",
}


def made(about=None, header=HEADER, **contents):
    return card(about or About("my hat"), Contents("my hat.safetensors", header, **contents))


def front(text):
    """The front matter's lines, which lie between two rules at the very beginning."""
    _, inside, _ = text.split("---\n", 2)
    return inside.splitlines()


def test_it_says_what_the_file_says_and_no_more():
    text = made()
    for told in ("stable-diffusion-xl-v1-base/lora", "| Rank | 16 |", "12 pictures", "`abc`"):
        assert told in text
    assert "hats: CC0, by me" in text and "| adapter | lora |" in text
    assert "secret" not in text and "never told" not in text
    assert "| Base's file | unknown |" in text
    named = made(header=HEADER | {"ss_sd_model_name": "xl|base.safetensors"})
    assert "| Base's file | xl\\|base.safetensors |" in named
    assert "Base's file" not in made(header={"modelspec.title": "shared safely"})
    bare = made(header={})
    assert "The file does not say." in bare and "Ask the author" in bare


def test_what_the_author_says_is_on_it():
    about = About("my hat", "ohwx hat", "some/base", "cc-by-4.0", "A **hat**.", "Hands.")
    text = made(about, pictures=[Shown("images/01.png", "a hat: red"), Shown("images/02.png")])
    lines = front(text)
    assert 'license: "cc-by-4.0"' in lines and 'base_model: "some/base"' in lines
    assert 'instance_prompt: "ohwx hat"' in lines and '  - text: "a hat: red"' in lines
    assert '  - text: "-"' in lines and '      url: "images/02.png"' in lines
    assert "![](images/01.png)" in text and "A **hat**." in text
    assert text.index("not good for") < text.index("Hands.")
    assert "made by a machine, with this LoRA" in text and "None was named" not in text


def test_what_the_author_does_not_say_is_told_as_missing():
    text = made()
    assert "None was named" in text and "The author names no limits" in text
    assert not any(line.startswith(("license", "base_model", "instance")) for line in front(text))
    assert "There are none here" in text


@pytest.mark.parametrize(
    "bad",
    ["<script>alert(1)</script>", "a | b", "`x`", "[x](javascript:y)", "a\n---\nb", "![x](y)"],
)
def test_a_strangers_header_is_nothing_but_text(bad):
    header = {"ss_optimizer": bad, "atelier.notes": json.dumps({bad: bad})}
    text = made(header=header)
    assert "<script" not in text and not re.search(r"(?<!\\)\]\(", text)
    (row,) = (line for line in text.splitlines() if line.startswith("| Optimizer |"))
    assert row.replace("\\|", "").count("|") == 3
    assert text.count("\n---\n") == made().count("\n---\n")


@pytest.mark.parametrize("bad", ['a"\nevil: true', "a: b # c", "{x}", "- a", "'"])
def test_front_matter_cannot_be_broken_out_of(bad):
    lines = front(made(About("x", trigger=bad, licence=bad, base_model=bad)))
    found = [line for line in lines if line.startswith(("license:", "base_model:", "instance_"))]
    assert len(found) == 3
    for line in found:
        assert json.loads(line.split(": ", 1)[1]) == " ".join(bad.split())
    assert not any(line.startswith("evil") for line in lines)


@pytest.mark.parametrize("damaged", ["{", "[1]", "3", '{"config": 3, "dataset": {}}'])
def test_a_damaged_record_is_passed_over(damaged):
    header = {"atelier.run": damaged, "atelier.notes": damaged, "ss_network_dim": "4"}
    assert "| Rank | 4 |" in made(header=header)


def test_licences_and_sources_of_the_pictures_are_told():
    text = made(licences={"CC0": 12, "CC | BY": 3}, sources={"<me>": 15})
    assert "- Licences of the pictures: CC0 (12), CC \\| BY (3)" in text
    assert "- Where they are from: &lt;me&gt; (15)" in text
    assert "Licences of the pictures" not in made()


def test_scores_and_recommendation_of_a_grid_are_told(tmp_path):
    grid = read(write_grid(tmp_path, scores=True))
    text = made(judged=judged(grid))
    section = text[text.index("## How it was judged") : text.index("## Licence")]
    assert "Recommended: strength 0.5" in section and "- It is like them, and no copy." in section
    assert "| strength 0.5 | Identity | 0.515 | 0.465 to 0.565 | 4 | a test |" in section
    assert "strength 1" not in section and "without" not in section
    assert "## How it was judged" not in made()


def test_a_strangers_scores_are_nothing_but_text(tmp_path):
    folder = write_grid(tmp_path, scores=True)
    told = json.loads((folder / "scores.json").read_text())
    told["scores"]["identity"]["encoder"] = "a | b\n---\n<script>"
    told["recommendation"] = {"reasons": ["[x](javascript:y)"], "chosen": {"column": 2}}
    (folder / "scores.json").write_text(json.dumps(told))
    text = made(judged=judged(read(folder)))
    assert "<script" not in text and "[x](" not in text
    (row,) = (line for line in text.splitlines() if "Identity" in line)
    assert row.replace("\\|", "").count("|") == 7


def test_without_a_recommendation_every_column_with_the_lora_is_told(tmp_path):
    folder = write_grid(tmp_path, scores=True)
    told = json.loads((folder / "scores.json").read_text()) | {"recommendation": None}
    (folder / "scores.json").write_text(json.dumps(told))
    found = judged(read(folder))
    assert [row[0] for row in found.rows] == ["strength 0.5", "strength 1"]
    assert not found.recommended
    (folder / "scores.json").unlink()
    assert "The grid has no scores." in made(judged=judged(read(folder)))
