"""Whole pictures changed so that engines read them: smaller, larger, evened, turned.

Each takes a grey picture (height, width) and gives a piece with the way back to the photo's pixels, or None where it
would change nothing. Only `whole` and `grown` give pictures of more than `LONGEST` pixels a side.
"""

from collections.abc import Callable

import cv2
import numpy as np

from scanners.regions import Grey, Piece, smaller
from scanners.values import Reading

LONGEST = 2200
ROOM = 0.15  # of a reading's length, about it
Preparation = Callable[[Grey], Piece | None]


def plain(grey: Grey) -> Piece | None:
    """The picture as it is; a large one made smaller, which is quicker and takes noise off."""
    return Piece(*_at_most(grey, LONGEST), "plain")


def whole(grey: Grey) -> Piece | None:
    """Every pixel of a large picture: for small symbols."""
    return Piece(grey, np.eye(3), "whole") if max(grey.shape) > LONGEST else None


def grown(grey: Grey) -> Piece | None:
    """Small pictures doubled: bars of one pixel become readable."""
    if max(grey.shape) > 1600:
        return None
    larger = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return Piece(np.asarray(larger, np.uint8), _scaling(0.5), "grown")


def evened(grey: Grey) -> Piece | None:
    """Divided by its own surroundings and stretched: for dark cold rooms, shadows and glare."""
    small, to_photo = _at_most(grey, LONGEST)
    around = cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)), (0, 0), 15)
    return Piece(np.asarray(cv2.divide(small, around, scale=235), np.uint8), to_photo, "evened")


def turned(grey: Grey, degrees: float) -> Piece:
    """Turned about its centre, the corners filled with white."""
    small, to_photo = _at_most(grey, 1400)
    height, width = small.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    back = np.vstack([cv2.invertAffineTransform(matrix), [0, 0, 1]])
    picture = cv2.warpAffine(small, matrix, (width, height), borderValue=255)
    return Piece(np.asarray(picture, np.uint8), to_photo @ back, f"turned{degrees:g}")


def around(grey: Grey, reading: Reading, larger: float = 1.0) -> Piece:
    """What lies about a reading, at most `LONGEST` pixels a side, with room for its quiet zones and a little slant."""
    corners = np.array(reading.corners)
    room = ROOM * max(corners.max(axis=0) - corners.min(axis=0)) + 10
    last = np.array(grey.shape[::-1]) - 1  # an engine may tell corners beyond the border
    left, top = (int(value) for value in np.clip(corners.min(axis=0) - room, 0, last))
    right, bottom = (int(value) for value in np.maximum(corners.max(axis=0) + room, (left + 1, top + 1)))
    piece, to_photo = grey[top:bottom, left:right], np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    factor = min(larger, LONGEST / max(piece.shape))
    if factor == 1.0:
        return Piece(np.ascontiguousarray(piece), to_photo, "around")
    other = cv2.resize(piece, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return Piece(np.asarray(other, np.uint8), to_photo @ _scaling(1 / factor), "around")


def _at_most(grey: Grey, longest: int) -> tuple[Grey, np.ndarray]:
    """A picture no longer than this, and the way back."""
    factor = max(1.0, max(grey.shape) / longest)
    return smaller(grey, factor), _scaling(factor)


def _scaling(factor: float) -> np.ndarray:
    return np.diag([factor, factor, 1.0])
