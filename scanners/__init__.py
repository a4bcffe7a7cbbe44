"""Pixels to text: photos in, barcodes out. Knows nothing of lots."""

from scanners.values import Doubt, Doubtful, PhotoReading, Reading
from scanners.workers import available_engines, read_file

__all__ = ["Doubt", "Doubtful", "PhotoReading", "Reading", "available_engines", "read_file"]
