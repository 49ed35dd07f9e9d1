"""What a picture is set aside for. The figures of each: docs/measurements/curation.md."""

from pydantic import Field

from ..settings.group import ADDED, Group


class CurationSettings(Group):
    resolution: int = Field(
        default=1024,
        ge=64,
        le=8192,
        description="Size of the training, in pixels: the same as in Train LoRA. Pictures are "
        "measured at that size.",
    )
    enlarged: float = Field(
        default=1.1,
        ge=0,
        le=100,
        description="Too small: set aside what training would enlarge more than so many times. 0 "
        "is off.",
    )
    cut_off: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Set aside what would lose more than this share in its bucket. 0 is off.",
    )
    sharpness: float = Field(
        default=0.69,
        ge=0,
        le=1,
        description="Soft: set aside what is blurred or was scaled up, with less sharpness than "
        "this. Edges that are soft have 0.5, sharp ones about 0.9. 0 is off.",
    )
    noise: float = Field(
        default=7.0,
        ge=0,
        le=255,
        description="Set aside what has more noise than so many levels of 255. 0 is off.",
    )
    compression: float = Field(
        default=0.75,
        ge=0,
        le=255,
        description="Set aside what shows JPEG's blocks by more than so many levels of 255; JPEG "
        "of quality 85 stays below 0.75. 0 is off.",
    )
    dark: float = Field(
        default=75.0,
        ge=0,
        le=255,
        description="Set aside what has hardly a pixel brighter than this level. 0 is off.",
    )
    light: float = Field(
        default=190.0,
        ge=0,
        le=255,
        description="Set aside what has hardly a pixel darker than this level. 0 is off.",
    )
    border: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Set aside what has a plain bar at a side, wider than this share of the "
        "picture. 0 is off.",
    )
    alike: float = Field(
        default=0.88,
        ge=0,
        le=1,
        description="Near duplicates: of pictures that are at least so alike, only the best is "
        "kept. 1 finds exact copies only; 0 is off.",
    )
    strange: float = Field(
        default=3.4,
        ge=0,
        le=100,
        description="Outliers: set aside what stands out from the set by more than so many "
        "spreads, as a photograph does among drawings. 0 is off.",
    )
    frequent: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Over-represented: of pictures of one scene that are more than this share of "
        "the set, keep so many, and set the others aside. 0 is off.",
    )
    text: bool = Field(
        default=False,
        json_schema_extra=ADDED,
        description="Set aside what has text on it: watermarks, signatures, signs. Needs the "
        "package rapidocr-onnxruntime and about a second for each picture.",
    )
