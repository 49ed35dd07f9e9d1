"""Why one picture should be set aside: reasons with their figures, and what to do about each."""

from dataclasses import dataclass

from ..data.dataset import Record
from .look import Look
from .settings import CurationSettings

# What each kind of reason was measured with; the report says so.
METHODS = {
    "unreadable": "decoding the whole file",
    "empty": "the spread of brightness",
    "too small": "size of the picture beside that of its bucket",
    "cut off": "shape of the picture beside that of its bucket",
    "soft": "steepness of the steepest edges beside those of the halved picture",
    "noise": "Immerkaer's mask in the calmest tenth of the picture",
    "compression": "steps between blocks of 8 x 8 beside the steps within",
    "too dark": "99th percentile of brightness where something is drawn",
    "too light": "5th percentile of brightness where something is drawn",
    "border": "plain lines of one colour that end in a straight edge",
    "text": "RapidOCR: three letters or more, read with a sureness of 0.6",
    "duplicate": "SHA-256 of the file",
    "near duplicate": "dHash of 64 bits or nearness by an encoder, then correlation of pictures "
    "of 16 x 16, mirrored too",
    "outlier": "distance from the set's own middle, in spreads of that distance",
    "over-represented": "nearness to one picture, beside the usual distance of two",
}


@dataclass(frozen=True)
class Reason:
    """`kind` is a key of `METHODS`; `text` holds the figure and what may be done."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Fit:
    """How a picture goes into its bucket: how many times it is enlarged, what share is cut off."""

    size: tuple[int, int]
    enlarged: float
    cut_off: float


def fit(record: Record, size: tuple[int, int]) -> Fit:
    """As `cover` scales and cuts the middle view."""
    width, height = size
    scale = max(width / record.width, height / record.height)
    kept = width * height / (record.width * record.height * scale * scale)
    return Fit(size, scale, max(0.0, 1 - kept))


def reasons(look: Look, fitted: Fit, limits: CurationSettings) -> list[Reason]:
    """All that is wrong with one picture by itself."""
    if look.problem:
        return [Reason("unreadable", look.problem)]
    return _of_size(fitted, limits) + _of_pixels(look, limits)


def _of_size(fitted: Fit, limits: CurationSettings) -> list[Reason]:
    found = []
    if 0 < limits.enlarged < fitted.enlarged:
        width, height = fitted.size
        text = f"enlarged {fitted.enlarged:.2f} times for {width} x {height}; find a larger one"
        found.append(Reason("too small", text))
    if 0 < limits.cut_off < fitted.cut_off:
        text = f"loses {fitted.cut_off:.0%} in {fitted.size[0]} x {fitted.size[1]}; crop it by hand"
        found.append(Reason("cut off", text))
    return found


def _of_pixels(look: Look, limits: CurationSettings) -> list[Reason]:
    seen = look.measures
    if seen is None:
        return [Reason("empty", "it is of one colour, or smaller than can be judged")]
    found = []
    if seen.sharpness < limits.sharpness:
        text = f"sharpness {seen.sharpness:.2f}, below {limits.sharpness:g}: blurred or scaled up"
        found.append(Reason("soft", f"{text}; find the original"))
    if 0 < limits.noise < seen.noise:
        text = f"{seen.noise:.1f} levels, above {limits.noise:g}; remove the noise"
        found.append(Reason("noise", text))
    if 0 < limits.compression < seen.blocks:
        text = f"blocks of {seen.blocks:.2f} levels, above {limits.compression:g}"
        found.append(Reason("compression", f"{text}; find a better copy"))
    if seen.brightest < limits.dark:
        text = f"hardly anything above level {max(0, seen.brightest):.0f}; brighten it"
        found.append(Reason("too dark", text))
    if 0 < limits.light < seen.darkest:
        text = f"hardly anything below level {seen.darkest:.0f}; darken it"
        found.append(Reason("too light", text))
    if 0 < limits.border < seen.border:
        text = f"plain bars of up to {seen.border:.0%}; cut them off"
        found.append(Reason("border", text))
    return found
