"""Characters as scanners, keyboards and chats really send them: full-width digits, odd blanks, odd hyphens.

Nothing here maps a letter to a digit: a misread is reported, never repaired.
"""

import re
from urllib.parse import unquote

from trace.domain.failures import N_, Invalid

FNC1 = "\x1d"  # GS1's field separator as scanners send it; Python counts it as white space, so never use a bare strip()

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# Control characters other than FNC1, tab and line ends (a certificate's QR may hold lines); lone surrogates; the two
# that are none and that no XML can hold, neither an answer nor a workbook.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1c\x1e\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EDGE = " \t\r\n\u3000\u00a0\ufeff\u200b"
_BLANKS = re.compile("[ \t\r\n\u00a0\u2000-\u200f\u202f\u2060\u3000\ufeff]")
_HYPHENS = re.compile("[-\u00ad\u2010-\u2015\u2212\ufe63\uff0d]")


def check_readable(text: str, *, limit: int) -> None:
    """Raise `Invalid` for more than `limit` characters, or one that nobody can read (`find_unreadable`)."""
    if len(text) > limit:
        raise Invalid(N_("A code has at most {limit} characters; {came} came."), limit=limit, came=len(text))
    found = find_unreadable(text)
    if found:
        raise Invalid(N_("A code has no control characters; U+{point} came. Scan it again."), point=f"{ord(found):04X}")


def find_unreadable(text: str) -> str | None:
    """The first control character (other than FNC1, tab, line ends), lone surrogate, U+FFFE or U+FFFF in a text."""
    found = _UNREADABLE.search(text)
    return found[0] if found else None


def unescaped(segment: str) -> str | None:
    """The text behind a percent-encoded segment; None where it is empty or no text that can be stored."""
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return None
    return text if text and find_unreadable(text) is None else None


def trimmed(text: str) -> str:
    """The text without blanks and line ends around it; FNC1 stays."""
    return text.strip(_EDGE)


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as their ASCII counterparts."""
    return text.translate(_FULL_WIDTH)


def without_blanks(text: str) -> str:
    """The text in half width, without blanks and invisible characters anywhere."""
    return _BLANKS.sub("", half_width(text))


def compacted(text: str) -> str:
    """The text in half width, without blanks and hyphens of any sort."""
    return _HYPHENS.sub("", without_blanks(text))
