"""Pixels to text: photos in, barcodes out. Knows nothing of lots."""

from scanners.papers import as_one_pdf
from scanners.values import Doubt, Doubtful, PhotoReading, Reading
from scanners.workers import available_engines, available_formats, read_file, reading

__all__ = [
    "Doubt",
    "Doubtful",
    "PhotoReading",
    "Reading",
    "as_one_pdf",
    "available_engines",
    "available_formats",
    "read_file",
    "reading",
]
