"""Exports of purchases and returns: which of them their pharmacy declared wrong."""

from datetime import timedelta

import pytest

from storage.events import NO_DECLARER, find_by_event_ids, id_key
from tests.services.asking import event, record
from tests.town import NOW, SHANGHAI, Town
from trace.services.export_goods import Window
from trace.services.export_purchases import declared_wrong

WRONG = {"errorDeclaration": {"declarationTime": NOW.isoformat(), "reason": "did_not_occur"}}


@pytest.mark.parametrize("of_subjects", [False, True])
def test_what_was_declared_wrong_is_what_its_captor_itself_said_of_it(town: Town, of_subjects: bool) -> None:
    shop, other = town.organisation(licensed=False), town.organisation(licensed=False)
    then = NOW + timedelta(minutes=1)
    record(town, shop, event(1), event(2))
    record(town, other, event(3))
    record(town, shop, event(1, **WRONG), event(3, **WRONG), now=then)
    record(town, other, event(1, **WRONG), event(2, **WRONG), now=then + timedelta(minutes=1))
    with town.store.reading() as session:
        ids = [event(number)["eventID"] for number in (1, 2, 3)]
        stored = find_by_event_ids(session, [(event_id, NO_DECLARER) for event_id in ids])
        first, second, third = (stored[id_key(event_id), NO_DECLARER].id for event_id in ids)
        subjects = frozenset([f"R{first}.0", f"R{second}.0", f"R{third}.0"]) if of_subjects else None
        window = Window(shop.organisation, 1, SHANGHAI, NOW, then, subjects)
        assert declared_wrong(session, window) == {first: then}
