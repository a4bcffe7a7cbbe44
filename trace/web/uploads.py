"""Photos of a request, read and kept; used by the API and by the pages."""

from typing import Any

from flask import g, request

from schemas.requests import MANY_PHOTOS
from trace.domain.failures import N_, Invalid
from trace.services.scans import scan_photo
from trace.web.parts import parts


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
    photos = [file.read() for file in files]
    return [
        scan_photo(
            g.session,
            actor=g.actor,
            objects=parts().objects,
            data=photo,
            seconds=parts().settings.scan_seconds,
            now=g.now,
        )
        for photo in photos
    ]
