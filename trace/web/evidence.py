"""The due-diligence pack as one file: PDF to read, JSON to check, the originals, and the SHA-256 of each."""

import hashlib
import io
import zipfile
from collections.abc import Iterator

from flask import g

from scanners.small import small_picture
from trace.services.due_diligence import Pack, PackedFile, pack_of
from trace.web.parts import parts
from trace.web.printing import pdf_page, picture

ZIP_TYPE = "application/zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same pack is the same file: no clock in it
README = """\
尽职免责证据包 / Due-diligence pack

evidence.pdf   给人看 / to read
pack.json      同样的内容，给程序核对 / the same, for programs
files/         原件：照片、证明 / originals: photos and papers
SHA256SUMS     每个文件的 SHA-256；核对：sha256sum -c SHA256SUMS / check with: sha256sum -c SHA256SUMS
"""


def evidence_of(lot: str) -> bytes:
    """The pack of a lot as a ZIP; raises what `trace.services.due_diligence.pack_of` raises."""
    pack = pack_of(g.session, actor=g.actor, lot=lot, objects=parts().objects, now=g.now)
    return _zip(dict(_members(pack)))


def _members(pack: Pack) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", README.encode()
    yield "pack.json", pack.document
    yield "evidence.pdf", _pdf(pack)
    for file in pack.files:
        yield file.name, file.data


def _pdf(pack: Pack) -> bytes:
    shown = [(file, _shown(file)) for file in pack.files]
    return pdf_page("evidence.html", pack=pack.content, sha256=pack.sha256, files=shown)


def _shown(file: PackedFile) -> str | None:
    """A picture of a file for the page; papers that came as PDF are named by their hash only."""
    return picture(small_picture(file.data), "image/jpeg") if file.media_type.startswith("image/") else None


def _zip(members: dict[str, bytes]) -> bytes:
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in {**members, "SHA256SUMS": sums.encode()}.items():
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), data, compress_type=zipfile.ZIP_DEFLATED)
    return held.getvalue()
