"""Pictures that everybody may see: the signature on a certificate, the photo of a dish.

Such a picture was drawn anew from pixels when it came (`scanners.intake`). A PDF is kept as it came and could hold
anything, so it is never one of them.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.objects import ObjectStore
from storage.tables import stored_object
from storage.tenancy import across
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services.certificates import check_own_object

_PICTURE = "image/"


def check_own_picture(session: Session, actor: Actor, sha256: str, *, field: str) -> None:
    """Raise `NotFound` for what the actor's organisation did not upload, `Invalid` for what is no picture."""
    check_own_object(session, actor, sha256)
    kind = session.scalars(select(stored_object.c.media_type).where(stored_object.c.sha256 == sha256)).one()
    if not kind.startswith(_PICTURE):
        raise Invalid(N_("A picture is wanted here, and {kind} came: take a photo of it."), field=field, kind=kind)


@across(because="a picture shown in public")
def public_picture(session: Session, *, objects: ObjectStore, sha256: str) -> tuple[bytes, str]:
    """(bytes, media type) of a picture that stands on a public page; raises `NotFound` for what is no picture."""
    kind = session.scalars(select(stored_object.c.media_type).where(stored_object.c.sha256 == sha256)).one_or_none()
    if kind is None or not kind.startswith(_PICTURE):
        raise NotFound(N_("There is no picture {sha256}."), sha256=sha256)
    return objects.get(sha256), kind
