"""Pixels to text: photos in, barcodes out. Knows nothing of lots."""

from scanners.values import PhotoReading, Reading
from scanners.workers import available_engines, read_photo

__all__ = ["PhotoReading", "Reading", "available_engines", "read_photo"]
