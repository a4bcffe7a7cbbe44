"""Catalogues: compiled when they are older than their text, so that nobody ships yesterday's translation."""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "translations"


def compile_catalogues() -> None:
    """Write `messages.mo` beside each `messages.po` that is newer; by rename, so that two starters do no harm."""
    for source in FOLDER.glob("*/LC_MESSAGES/messages.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        buffer = BytesIO()
        write_mo(buffer, catalogue)
        fresh = target.with_suffix(".tmp")
        fresh.write_bytes(buffer.getvalue())
        fresh.replace(target)
