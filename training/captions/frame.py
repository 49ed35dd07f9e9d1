"""What stands around every caption: the trigger, a prefix, a suffix. Put there once. Pure."""

import re
from dataclasses import dataclass

from ..data.trigger import led_by, trigger_in
from .parts import joined


@dataclass(frozen=True)
class Framed:
    """A caption taken apart; what it lacks of the frame is empty."""

    trigger: str
    prefix: str
    body: str
    suffix: str


class Frame:
    def __init__(self, trigger: str, prefix: str, suffix: str) -> None:
        self.trigger, self.prefix, self.suffix = (
            " ".join(one.split()) for one in (trigger, prefix, suffix)
        )
        self._led = re.compile(rf"{re.escape(self.trigger)}\s*,\s*", re.IGNORECASE)
        self._has = trigger_in(self.trigger)

    def apart(self, caption: str) -> Framed:
        """The caption without what it has of the frame already, which is kept as it is written."""
        led = self._led.match(caption) if self.trigger else None
        body = caption[led.end() :] if led else caption
        before = _start(body, self.prefix)
        body = body[len(before) :]
        after = _end(body, self.suffix)
        body = body[: len(body) - len(after)]
        return Framed(led[0] if led else "", before, body, after)

    def around(self, one: Framed, body: str) -> str:
        """`body` in the frame; where nothing was lacking, with the characters that were there."""
        lacking = self.prefix and not one.prefix
        text = joined((self.prefix, body)) if lacking else one.prefix + body
        lacking = self.suffix and not one.suffix
        text = joined((text, self.suffix)) if lacking else text + one.suffix
        if one.trigger:
            return one.trigger + text if text else one.trigger.rstrip(", ")
        return led_by(self.trigger, text) if self.trigger and not self._has(text) else text


def _start(text: str, prefix: str) -> str:
    """The prefix as it stands in front of `text`, with the spaces behind it."""
    size = len(prefix)
    if not prefix or text[:size].lower() != prefix.lower():
        return ""
    if text[size : size + 1].isalnum() and prefix[-1].isalnum():  # `a` is no prefix of `ant`
        return ""
    return text[: len(text) - len(text[size:].lstrip())]


def _end(text: str, suffix: str) -> str:
    size = len(suffix)
    if not suffix or len(text) < size or text[-size:].lower() != suffix.lower():
        return ""
    if text[-size - 1 : -size].isalnum() and suffix[0].isalnum():
        return ""
    return text[len(text[:-size].rstrip()) :]
