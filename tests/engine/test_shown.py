"""What a picture is shown with in a run: its mask and its captions, wherever they come from."""

import pytest
from PIL import Image

from atelier.training.data.folder import load_folder
from atelier.training.examples import Pictures

from .trained import same, train, wired


def test_what_is_transparent_is_masked_as_by_a_file(base, pictures):
    """The same pictures on white, once with the mask in a file and once in their alpha channel."""
    settings = {"masked": True, "unmasked_weight": 0.25, "flip": True, "steps": 3}
    see_through = {}
    for path in list(pictures.glob("*.png")):
        picture = Image.open(path).convert("RGB")
        mask = Image.new("L", picture.size)
        mask.paste(255, (0, 0, picture.width // 2, picture.height))
        see_through[path] = Image.merge("RGBA", (*picture.split(), mask))
        white = Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)
        white.save(path)
        mask.save(path.with_name(f"{path.stem}-masklabel.png"))
    of_files = train(wired(base, load_folder(pictures)), name="files", **settings)
    for path, picture in see_through.items():
        path.with_name(f"{path.stem}-masklabel.png").unlink()
        picture.save(path)
    of_alpha = train(wired(base, load_folder(pictures)), name="alpha", **settings)
    assert same([of_files.lora()], [of_alpha.lora()])
    settings["masked"] = False
    unmasked = train(wired(base, load_folder(pictures)), name="all", **settings)
    assert not same([unmasked.lora()], [of_alpha.lora()])


@pytest.mark.parametrize(
    ("wildcards", "wanted"),
    [
        (False, {"a {sad|happy} person red hair"}),
        (True, {"a sad person", "a happy person", "red hair"}),
    ],
)
def test_lines_and_choices_of_a_caption_file_are_captions(
    base, pictures, monkeypatch, wildcards, wanted
):
    for path in pictures.glob("*.txt"):
        path.write_text("a {sad|happy} person\nred hair")
    real, seen = Pictures.example, set()

    def example(self, number, view=0, text=None):
        seen.update([text] if text is not None else [])
        return real(self, number, view, text)

    monkeypatch.setattr(Pictures, "example", example)
    run = train(wired(base, load_folder(pictures)), wildcards=wildcards, targets="attention")
    assert run.finished and seen == wanted
