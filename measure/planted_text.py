"""Watermarks, signatures and captions that are written over pictures."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .planted import Dice, jpeg, other_than

WORDS = [
    *("stock", "sample", "photo", "preview", "draft", "copyright", "proof", "image", "shutter"),
    *("studio", "gallery", "archive", "watermark", "portfolio", "download", "license", "agency"),
]
SPELLINGS = ("{}", "© {}", "{}.com", "www.{}.net", "{} 2024", "by {}")
LEAST = 14  # pixels of a letter's height: smaller ones a person can hardly read
CLEAR, SPREADS = 40, 1.5  # levels, and spreads of what is covered, that letters stand out by
TRIES = 50


def written(picture: Image.Image, dice: Dice) -> Image.Image:
    """One to three words that a person can read: anywhere, upright or slanting, of half to full
    opacity.
    """
    marked, clear = _tried(picture, dice)
    for _ in range(TRIES):
        if clear:
            break
        marked, clear = _tried(picture, dice)
    return jpeg(marked, dice.randint(75, 95)) if dice.random() < 0.5 else marked


def _tried(picture: Image.Image, dice: Dice) -> tuple[Image.Image, bool]:
    """The picture with words in a colour that is not that of what they cover, and whether they
    stand out from it.
    """
    text = dice.choice(SPELLINGS).format(" ".join(dice.sample(WORDS, dice.randint(1, 3))))
    text = dice.choice([text, text.upper(), text.title()])
    tall = max(LEAST, dice.uniform(0.04, 0.12) * min(picture.size))
    font = ImageFont.load_default(tall)
    while font.getlength(text) > 0.9 * picture.width and tall > LEAST:
        tall = max(LEAST, tall * 0.9)
        font = ImageFont.load_default(tall)
    left, top, right, bottom = font.getbbox(text)
    x = dice.uniform(0, max(0.0, picture.width - right))
    y = dice.uniform(0, max(0.0, picture.height - bottom))
    covered = picture.crop((int(x + left), int(y + top), int(x + right), int(y + bottom)))
    colour = other_than(np.asarray(covered).reshape(-1, 3), dice)
    opacity = dice.uniform(0.5, 1)
    layer = Image.new("RGBA", picture.size, (*colour, 0))
    ImageDraw.Draw(layer).text((x, y), text, (*colour, round(255 * opacity)), font)
    if dice.random() < 0.3:
        middle = x + right / 2, y + bottom / 2
        layer = layer.rotate(dice.uniform(-30, 30), Image.Resampling.BICUBIC, center=middle)
    marked = Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")
    return marked, _clear(covered, colour, opacity)


def _clear(covered: Image.Image, colour: tuple[int, ...], opacity: float) -> bool:
    under = np.asarray(covered.convert("L"), np.float32)
    ink = float(np.asarray(Image.new("RGB", (1, 1), colour).convert("L"))[0, 0])
    contrast = opacity * abs(ink - float(under.mean()))
    return contrast >= max(CLEAR, SPREADS * float(under.std()))
