"""OpenCV's barcode detector: the best at blurred EAN and UPC codes; it reads nothing else."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scanners.values import Reading

NAME = "opencv"
_NAMES = {"EAN_13": "EAN-13", "EAN_8": "EAN-8", "UPC_A": "UPC-A", "UPC_E": "UPC-E"}
_DETECTOR = cv2.barcode.BarcodeDetector()


def unavailable() -> str | None:
    """Why the engine cannot be used, or None."""
    return None


def read(grey: NDArray[np.uint8]) -> list[Reading]:
    """Every EAN or UPC code the detector decodes."""
    if min(grey.shape[:2]) < 40:  # the detector asserts on slivers
        return []
    _, texts, kinds, points = _DETECTOR.detectAndDecodeWithType(grey)
    if points is None:
        return []
    return [
        Reading(text, _NAMES[kind], "", _corners(quad), NAME, text.encode())
        for text, kind, quad in zip(texts, kinds, points, strict=False)
        if text and kind in _NAMES
    ]


def _corners(quad: NDArray[np.float32]) -> tuple[tuple[int, int], ...]:
    """OpenCV begins at the bottom left; ours begin at the top left."""
    points = [(int(x), int(y)) for x, y in quad]
    return (points[1], points[2], points[3], points[0])
