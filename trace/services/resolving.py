"""Resolve a GS1 Digital Link: which of the things in it are known here, of those that everybody may look up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from storage.tables import event_item, ident
from storage.tenancy import across
from trace.domain.digital_links import DigitalLink, check_syntax, path_of, uris_of_levels
from trace.domain.failures import N_, NotFound
from trace.domain.uris import uri_kind
from trace.services.lookup import TRACEABLE
from trace.services.lots import find_lots


@dataclass(frozen=True, slots=True)
class Known:
    """Something that has a history here, by its canonical URI; `name` is what the public page calls it, if anything."""

    uri: str
    name: str = ""


@across(because="a GS1 link leads to what is known of its key, whoever knows it")
def resolve(session: Session, link: DigitalLink) -> list[Known]:
    """What is known of the link's pack, lot or container, the most specific first; never empty.

    What is recorded is found, however it is written: labels with a wrong check digit exist (R20). Raises `Invalid` for
    what is not recorded and no good Digital Link either, `NotFound` for a good one of which nothing is recorded; of a
    bare product (a GTIN without lot or serial) nothing is.
    """
    uris = [uri for uri in uris_of_levels(link) if uri_kind(uri) in TRACEABLE]
    known = _recorded(session, uris)
    if known:
        return known
    check_syntax(link)
    if not uris:
        raise NotFound(
            N_("{code} names no single lot or pack that could be traced: scan the label with the lot or trace code."),
            code=f"/{path_of(link)}"[:120],
        )
    raise NotFound(N_("Nothing is recorded of {code}."), code=f"/{path_of(link)}"[:120])


def _recorded(session: Session, uris: Sequence[str]) -> list[Known]:
    happened = exists().where(event_item.c.item == ident.c.id)
    found = set(session.scalars(select(ident.c.uri).where(ident.c.uri.in_(uris), happened)))
    lots = find_lots(session, found)
    names = {uri: f"{row.product_name} {row.number}" for uri, row in lots.items()}
    return [Known(uri, names.get(uri, "")) for uri in uris if uri in found]
