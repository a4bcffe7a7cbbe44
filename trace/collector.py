"""Python's collector of garbage that refers to itself, for a process that captures documents of thousands of events."""

import gc


def settle() -> None:
    """Leave what is there by now alone, for it lives as long as the process.

    Without this, and the threshold in `trace/__init__.py`, the collector walks again and again through the events of a
    document while it is captured.
    """
    gc.collect()
    gc.freeze()
