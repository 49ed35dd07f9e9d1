"""Defects that are planted in pictures, each with what it is called in Curate's report."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

Dice = random.Random
Resampling = Image.Resampling


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def lit(picture: Image.Image, change: Callable[[int], float]) -> Image.Image:
    """The picture with each level from 0 to 255 changed."""
    return picture.point([max(0, min(255, int(change(level)))) for level in range(256)] * 3)


def blurred(picture: Image.Image, dice: Dice) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(dice.uniform(2, 5)))


def upscaled(picture: Image.Image, dice: Dice) -> Image.Image:
    factor = dice.uniform(2, 4)
    how = dice.choice([Resampling.BILINEAR, Resampling.BICUBIC, Resampling.LANCZOS])
    small = int(picture.width / factor), int(picture.height / factor)
    return picture.resize(small, Resampling.LANCZOS).resize(picture.size, how)


def noisy(picture: Image.Image, dice: Dice) -> Image.Image:
    levels = np.random.default_rng(dice.randrange(2**32))
    pixels = np.asarray(picture, np.float32)
    pixels = pixels + levels.normal(0, dice.uniform(15, 40), pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def compressed(picture: Image.Image, dice: Dice) -> Image.Image:
    return jpeg(picture, dice.randint(4, 15))


def dark(picture: Image.Image, dice: Dice) -> Image.Image:
    share = dice.uniform(0.05, 0.2)
    return lit(picture, lambda level: level * share)


def light(picture: Image.Image, dice: Dice) -> Image.Image:
    share = dice.uniform(0.05, 0.2)
    return lit(picture, lambda level: 255 - (255 - level) * share)


def framed(picture: Image.Image, dice: Dice) -> Image.Image:
    """Bars above and below, at the sides, or all round, of a colour that its edge does not have."""
    colour = other_than(np.asarray(picture)[[0, -1]].reshape(-1, 3), dice)
    share, sides = dice.uniform(0.05, 0.2), dice.choice(["across", "down", "both"])
    wide = 0 if sides == "down" else int(picture.width * share)
    tall = 0 if sides == "across" else int(picture.height * share)
    size = picture.width + 2 * wide, picture.height + 2 * tall
    page = Image.new("RGB", size, colour)
    page.paste(picture, (wide, tall))
    return jpeg(page, 85) if dice.random() < 0.5 else page


def one_bar(picture: Image.Image, dice: Dice) -> Image.Image:
    """A bar at one side, of a colour that the picture's edge there does not have."""
    turn, share = dice.choice([0, 90, 180, 270]), dice.uniform(0.05, 0.2)
    turned = picture.rotate(turn, expand=True)
    tall = int(turned.height * share)
    colour = other_than(np.asarray(turned)[0], dice)
    page = Image.new("RGB", (turned.width, turned.height + tall), colour)
    page.paste(turned, (0, tall))
    page = page.rotate(-turn, expand=True)
    return jpeg(page, 85) if dice.random() < 0.5 else page


def other_than(edge: np.ndarray, dice: Dice) -> tuple[int, ...]:
    """Black, white or any colour, far from the usual one of an edge's pixels `[…, 3]`."""
    colours = [(0, 0, 0), (255, 255, 255), tuple(dice.randrange(256) for _ in range(3))]
    usual = np.median(edge, axis=0)
    far = [one for one in colours if np.abs(np.array(one) - usual).max() > 60]
    return dice.choice(far or [(255, 0, 0)])


def alike(picture: Image.Image, dice: Dice) -> Image.Image:
    """The same picture cut at its edges, scaled, lit otherwise and saved again."""
    width, height = picture.size
    cut = [dice.uniform(0, 0.03) for _ in range(4)]
    box = (width * cut[0], height * cut[1], width * (1 - cut[2]), height * (1 - cut[3]))
    scale, bright = dice.uniform(0.5, 1), dice.uniform(0.9, 1.1)
    size = max(32, int(width * scale)), max(32, int(height * scale))
    other = picture.resize(size, Resampling.BICUBIC, box=box)
    return jpeg(lit(other, lambda level: level * bright), dice.randint(40, 90))


def mirrored(picture: Image.Image, dice: Dice) -> Image.Image:
    return alike(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), dice)


def small(picture: Image.Image, dice: Dice) -> Image.Image:
    """Too small for a training at 192 pixels."""
    side = dice.uniform(48, 120)
    scale = side / max(picture.size)
    return picture.resize(
        (max(16, int(picture.width * scale)), max(16, int(picture.height * scale)))
    )


Plant = Callable[[Image.Image, Dice], Image.Image]
# What is planted: how, and as what it is to be found.
PLANTS: dict[str, tuple[Plant, str]] = {
    "blurred": (blurred, "soft"),
    "scaled up": (upscaled, "soft"),
    "noise": (noisy, "noise"),
    "compression": (compressed, "compression"),
    "too dark": (dark, "too dark"),
    "too light": (light, "too light"),
    "border": (framed, "border"),
    "bar at one side": (one_bar, "border"),
    "too small": (small, "too small"),
    "near duplicate": (alike, "near duplicate"),
    "mirrored duplicate": (mirrored, "near duplicate"),
}


def damage(source: Path, target: Path, dice: Dice) -> None:
    """A copy that ends too early."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * dice.uniform(0.3, 0.8))])
