"""Catalogues: what is to be translated, found in the code and the templates; and compiled when older than its text."""

import os
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from trace.domain.rules.book import shipped

FOLDER = Path(__file__).parent / "translations"
ROOT = Path(__file__).parents[2]
SOURCES = ("trace", "scanners", "schemas", "storage")
# English is what stands in the code; it needs no catalogue.
CATALOGUE = FOLDER / "zh" / "LC_MESSAGES" / "messages.po"
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_KEYWORDS = {"N_": None, "_": None, "gettext": None}


def messages() -> set[str]:
    """Every text that people may be shown: marked `N_`, `_` or `gettext`, and the reasons of our own rules."""
    reasons = {entry.source for entry in shipped().written if "ouse rule" in entry.source}
    return reasons | {
        str(text)
        for folder in SOURCES
        for _, _, text, _, _ in extract_from_dir(ROOT / folder, _METHODS, keywords=_KEYWORDS)
    }


def read_catalogue() -> Catalog:
    """The Chinese catalogue as it stands."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


def update_catalogue() -> list[str]:
    """Bring the catalogue in line with the code, translations kept: the texts that lack one."""
    old = read_catalogue() if CATALOGUE.exists() else Catalog(locale="zh")
    fresh = Catalog(
        locale="zh",
        project="Sunshine Trace",
        header_comment="# Chinese texts of Sunshine Trace.",
        creation_date=old.creation_date,  # a new one with every run would be the only change, again and again
        fuzzy=False,
    )
    for text in sorted(messages()):
        known = old.get(text)
        fresh.add(text, known.string if known is not None else "")
    buffer = BytesIO()
    write_po(buffer, fresh, width=110, omit_header=False)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    CATALOGUE.write_bytes(buffer.getvalue())
    return [str(message.id) for message in fresh if message.id and not message.string]


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
        fresh = target.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_bytes(buffer.getvalue())
        fresh.replace(target)


if __name__ == "__main__":
    print(*update_catalogue(), sep="\n")
