"""Several cleaned pages as one PDF, to be kept as one paper: nothing of the upload is in it but its pixels."""

from collections.abc import Sequence

from scanners.values import PhotoReading

_A4_LONG = 842.0  # points of the longer side that a page is shown with


def as_one_pdf(pages: Sequence[PhotoReading]) -> bytes:
    """The clean pictures (JPEG) of a file's pages as a PDF of as many pages, each as it is, the same bytes every time.

    After ISO 32000-2: a page whose only content is its picture, scaled so that its longer side is that of A4.
    """
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>"
        % (len(pages), b" ".join(b"%d 0 R" % (3 + 3 * n) for n in range(len(pages)))),
    ]
    for number, page in enumerate(pages):
        own, scale = 3 + 3 * number, _A4_LONG / max(page.width, page.height)
        box = b"%.2f %.2f" % (page.width * scale, page.height * scale)
        drawing = b"q %.2f 0 0 %.2f 0 0 cm /P Do Q" % (page.width * scale, page.height * scale)
        colours = b"/DeviceGray" if _components(page.clean) == 1 else b"/DeviceRGB"
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %s]/Contents %d 0 R/Resources<</XObject<</P %d 0 R>>>>>>"
            % (box, own + 1, own + 2),
            _stream(b"", drawing),
            _stream(
                b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace%s/Filter/DCTDecode"
                % (page.width, page.height, colours),
                page.clean,
            ),
        ]
    return _file(objects)


def _components(jpeg: bytes) -> int:
    """How many colours one of our own pictures has: 1 or 3, from its frame."""
    return jpeg[jpeg.index(b"\xff\xc0") + 9]


def _stream(entries: bytes, body: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(body), body)


def _file(objects: Sequence[bytes]) -> bytes:
    """Header, objects, and the table of where they lie."""
    whole, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count, start = len(objects) + 1, len(whole)
    whole += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n" % (count, table, count)
    return bytes(whole + b"startxref\n%d\n%%%%EOF\n" % start)
