"""The ZBar engine through pyzbar: quick at linear codes, forgiving of low contrast.

It needs the system library libzbar; without it the others read on and `/health` says why.
"""

import numpy as np
from numpy.typing import NDArray

from scanners.values import Reading

NAME = "zbar"
try:
    from pyzbar import pyzbar

    _PROBLEM: str | None = None
except (ImportError, OSError) as fault:  # the shared library is looked for at import
    pyzbar = None
    _PROBLEM = f"libzbar is not installed ({type(fault).__name__}): install the system package libzbar0"

_NAMES = {
    "EAN13": "EAN-13",
    "EAN8": "EAN-8",
    "UPCA": "UPC-A",
    "UPCE": "UPC-E",
    "ISBN13": "EAN-13",
    "CODE128": "Code128",
    "CODE39": "Code39",
    "CODE93": "Code93",
    "CODABAR": "Codabar",
    "I25": "ITF",
    "QRCODE": "QR",
    "DATABAR": "DataBar",
    "DATABAR_EXP": "DataBarExp",
}


def unavailable() -> str | None:
    """Why the engine cannot be used, or None."""
    return _PROBLEM


def read(grey: NDArray[np.uint8]) -> list[Reading]:
    """Every barcode ZBar finds; symbologies it is known to invent (PDF417 fragments, EAN-2/5) are left out."""
    if pyzbar is None:
        return []
    return [_as_reading(symbol) for symbol in pyzbar.decode(grey) if symbol.type in _NAMES]


def _as_reading(symbol: "pyzbar.Decoded") -> Reading:
    raw = bytes(symbol.data)
    box = symbol.rect
    corners = (
        (box.left, box.top),
        (box.left + box.width, box.top),
        (box.left + box.width, box.top + box.height),
        (box.left, box.top + box.height),
    )
    text = raw.decode("utf-8", "replace")
    name = _NAMES[symbol.type]
    return Reading(text.strip("ABCDabcd") if name == "Codabar" else text, name, "", corners, NAME, raw)
