"""Identifiers in the addresses of pages: short for our own and for GS1, so that a label's QR code stays small."""

from urllib.parse import quote

from trace.domain.digital_links import QUALIFIERS
from trace.domain.uris import GS1, PRIVATE

_GS1_KEYS = tuple(f"{key}/" for key in QUALIFIERS)
_OWN_KINDS = ("/obj/", "/lot/")


def inside(address: str) -> str:
    """An address of this site as it is, or nothing: nobody is sent elsewhere by a link to us.

    Browsers drop tabs and line ends from addresses and take a backslash for a slash: `/\\t/other.example` leads away.
    """
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours and len(address) < 2_000 else ""


def public_path(uri: str) -> str:
    """`01/06901234567892/10/A1` for `https://id.gs1.org/01/...`: what `url_for` escapes once more, behind `/t/`."""
    return uri.removeprefix(f"{GS1}/").removeprefix(f"{PRIVATE}/")


def code_of_path(path: str) -> str:
    """The text that a `/t/` address names, the other way round; an address made by hand is taken as it stands."""
    if path.startswith(("https:/", "http:/")) and "://" not in path:
        return path.replace(":/", "://", 1)  # a proxy folded the double slash
    if path.startswith(_GS1_KEYS):
        return f"{GS1}/{path_text(path)}"
    if any(kind in path for kind in _OWN_KINDS) and "://" not in path:
        return f"{PRIVATE}/{path_text(path)}"
    return path


def path_text(path: str) -> str:
    """The path as it stands in a canonical URI: percent-encoded again after the server decoded it."""
    return quote(path, safe="/-._~:%")
