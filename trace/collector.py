"""Python's collector of garbage that refers to itself, for a process that captures documents of thousands of events."""

import gc

# New objects before the collector looks at them (Python: 700). A document of a thousand events is some fifty thousand,
# all of them in use until it is stored; what requests leave behind mostly needs no collector at all.
YOUNG = 50_000


def settle() -> None:
    """Leave what is there by now alone, for it lives as long as the process, and look at what is new less often.

    Without this the collector walks again and again through the events of a document while it is captured.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
