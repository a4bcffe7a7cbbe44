"""Photos of a request, read and kept, and what is kept given back; used by the API and by the pages."""

from datetime import timedelta
from os import SEEK_END
from typing import Any, BinaryIO, cast

from flask import Response, after_this_request, g, request
from werkzeug.datastructures import FileStorage
from werkzeug.wsgi import wrap_file

from schemas.requests import MANY_PHOTOS
from storage.objects import CHUNK, Shown
from trace.domain.failures import N_, Invalid
from trace.services.commands import Command
from trace.services.prescription_images import image_seal, keep_image
from trace.services.scans import PaperPhoto, draw_scan, keep_photo, look_at_object, read_paper, scan_photos
from trace.web.parts import parts

_LINK_LIFE = timedelta(minutes=1)  # of a link to the S3 store: as long as a browser takes to follow it
_PRESCRIPTION_SECONDS = 0.1  # nobody looks for barcodes on a prescription


def scan_uploads() -> list[dict[str, Any]]:
    """Scan the photos of this request (form field `photo`); all are kept, or none."""
    files = [file for file in request.files.getlist("photo") if file.filename]
    if not files or len(files) > MANY_PHOTOS:
        raise Invalid(
            N_("Send 1 to {most} photos in the form field photo; {came} came."),
            field="photo",
            most=MANY_PHOTOS,
            came=len(files),
        )
    return scan_photos(
        g.session,
        actor=g.actor,
        objects=parts().objects,
        photos=[cast(BinaryIO, file.stream) for file in files],
        seconds=parts().settings.scan_seconds,
        now=g.now,
    )


def prescription_photo(field: str) -> PaperPhoto | None:
    """The photo of a prescription in a field of the form, drawn anew; None where none was sent. Asks no store: a photo
    takes its time, and on SQLite there is one writer."""
    photo = request.files.get(field)
    if photo is None or not photo.filename:
        return None
    return read_photo(photo, seconds=_PRESCRIPTION_SECONDS)


def read_photo(photo: FileStorage, *, seconds: float) -> PaperPhoto:
    """The photo of a paper in this request, read (`read_paper`); what it is put aside in is gone with the request."""
    read = read_paper(cast(BinaryIO, photo.stream), seconds=seconds)

    @after_this_request
    def let_go(response: Response) -> Response:
        read.file.close()
        return response

    return read


def keep_upload(photo: FileStorage, *, seconds: float | None = None) -> dict[str, str]:
    """Read and keep the photo of a paper in this request (`keep_photo`), looked at as long as the settings say."""
    return keep_photo(
        g.session,
        actor=g.actor,
        objects=parts().objects,
        upload=cast(BinaryIO, photo.stream),
        seconds=parts().settings.scan_seconds if seconds is None else seconds,
        now=g.now,
    )


def keep_prescription_photo(command: Command, public_id: str, photo: PaperPhoto) -> None:
    """Seal and keep the photo of a reviewed prescription (`trace.services.prescription_images.keep_image`)."""
    photo.file.seek(0)
    keep_image(
        g.session,
        command,
        public_id=public_id,
        picture=photo.file.read(),
        media_type=photo.media_type,
        objects=parts().objects,
        seal=image_seal(parts().settings.secret_key),
    )


def kept_object(sha256: str) -> Response:
    """A picture or paper that the caller may see, streamed; raises `NotFound`.

    Pictures were drawn anew when they came and are shown; a PDF or a table is kept as it came and could hold anything,
    so it is saved by the browser, never opened on our pages. Where a setting says that browsers reach the S3 store
    (`SUNSHINE_OBJECTS_LINK_URL`) the caller is sent there by a link that lives a minute.
    """
    media_type = look_at_object(g.session, actor=g.actor, sha256=sha256, now=g.now)
    shown = "inline" if media_type.startswith("image/") else "attachment"
    # A watcher's next look has to be written down too, so only one's own browser may keep it, and only for this visit.
    keep = "no-store" if g.actor.watches else "private, max-age=86400, immutable"
    link = parts().objects.link(sha256, Shown(media_type, shown, keep), life=_LINK_LIFE)
    if link is not None:
        kept = "no-store" if g.actor.watches else f"private, max-age={_LINK_LIFE.seconds // 2}"
        return Response(status=302, headers={"Location": link, "Cache-Control": kept})
    file = parts().objects.open(sha256)
    headers = {"Content-Disposition": shown, "Cache-Control": keep, "Content-Length": str(file.seek(0, SEEK_END))}
    file.seek(0)
    answer = Response(wrap_file(request.environ, file, CHUNK), mimetype=media_type, headers=headers)
    answer.direct_passthrough = True
    answer.call_on_close(file.close)
    return answer


def drawn_scan(public_id: str) -> Response:
    """A scan's picture with its codes outlined and numbered; a scan never changes, so one's own browser may keep it."""
    data, media_type = draw_scan(g.session, actor=g.actor, objects=parts().objects, public_id=public_id)
    return Response(data, mimetype=media_type, headers={"Cache-Control": "private, max-age=86400, immutable"})
