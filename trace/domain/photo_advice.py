"""How to take the photo again: from what is known of one in which too little was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trace.domain.failures import N_

# Measured on photos with known texts: phones without autofocus give 0.1 to 0.22, sharp photos 0.3 to 1.
BLURRED = 0.25
DARK = 70  # of 255: the median of photos taken in a cold room without light is 25 to 60
GLARING = 0.01  # of the pixels; on white paper or a screen (median above PAPER) they are no glare
PAPER = 235
SMALL = 1_000  # pixels on the longer side: what chats make of a photo when they pass it on


class Advice(StrEnum):
    """What to do better."""

    BLURRED = "blurred"
    CLOSER = "closer"
    DARK = "dark"
    GLARING = "glaring"
    SMALL = "small"


SENTENCES: Mapping[Advice, str] = {
    Advice.BLURRED: N_(
        "The photo is blurred. Wipe the lens, hold the phone still a hand and a half away, tap on the code until it is"
        " sharp, then take the photo."
    ),
    Advice.CLOSER: N_("Go closer until the code fills a third of the picture, and hold the phone parallel to it."),
    Advice.DARK: N_("The photo is dark. Switch on the light of the phone or the room."),
    Advice.GLARING: N_("A lamp is mirrored in it. Tilt the phone a little until the bars are without bright spots."),
    Advice.SMALL: N_(
        "The picture is small ({width} x {height} pixels). Send the photo as the camera took it, not a preview or one"
        " passed on by a chat."
    ),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What is known of a photo: its size in pixels, and what was measured of it (`scanners.quality`), if it was."""

    width: int
    height: int
    sharpness: float | None = None
    brightness: float | None = None
    glare: float | None = None


def advise(photo: Taken) -> list[dict[str, Any]]:
    """Sentences with their values, what helps most first; the general one last, and always."""
    found = [Advice.CLOSER]
    if max(photo.width, photo.height) < SMALL:
        found.insert(0, Advice.SMALL)
    if photo.glare is not None and photo.brightness is not None and photo.glare > GLARING and photo.brightness < PAPER:
        found.insert(0, Advice.GLARING)
    if photo.brightness is not None and photo.brightness < DARK:
        found.insert(0, Advice.DARK)
    if photo.sharpness is not None and photo.sharpness < BLURRED:
        found.insert(0, Advice.BLURRED)
    size = {"width": photo.width, "height": photo.height}
    return [{"advice": a.value, "message": SENTENCES[a], "values": size if a is Advice.SMALL else {}} for a in found]
