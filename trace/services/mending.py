"""Is what the store keeps to find things by right, and what is to be done where it is not?"""

from itertools import islice

from sqlalchemy.orm import Session

from storage.mending import (
    PAGE,
    find_key_faults,
    find_wrong_kinds,
    has_unique_key,
    make_keys_anew,
    set_kind,
)
from storage.sending import is_postgresql
from storage.tenancy import across

TWICE = (
    "nothing mends that; restore a backup of before and have what came since captured again (docs/operating.md, What"
    " doctor finds)"
)
SHOWN = 3  # identifiers that are named in a sentence
_MEND = "stop the service and its workers, then ./run mend (docs/operating.md, What doctor finds)"


@across(because="the service itself looks")
def check_keys(session: Session) -> str | None:
    """None if each event is found by its eventID, and each eventID is one event's; else a sentence.

    Takes three seconds for each million events on SQLite.
    """
    if is_postgresql(session):
        return (
            None
            if has_unique_key(session)
            else (
                "the table event has no valid unique key of id_key and declarer: an event that comes again is stored"
                " again; have its owner make it (docs/operating.md, What doctor finds)"
            )
        )
    faults = find_key_faults(session)
    if faults.twice:
        return f"{faults.twice} event(s) are stored twice: {TWICE}"
    if faults.lost or faults.astray or faults.again:
        return (
            f"{faults.lost} event(s) have no key and are stored again where they come again, {faults.astray} key(s) are"
            f" of no event, {faults.again} stand(s) again: {_MEND}"
        )
    return None


@across(because="the service itself looks")
def check_kinds(session: Session) -> str | None:
    """None if each identifier is kept as the kind of thing that it is, else a sentence."""
    wrong = find_wrong_kinds(session)
    named = [uri for _, uri, _ in islice(wrong, SHOWN)]
    if not named:
        return None
    many = len(named) + sum(1 for _ in wrong)
    return (
        f"{many} are kept as another kind of thing than they are ({', '.join(named)}{' ...' if many > SHOWN else ''}):"
        f" {_MEND}"
    )


@across(because="the service itself mends")
def mend_kinds(session: Session) -> list[str]:
    """Keep identifiers as what they are; those that were kept as something else, at most `PAGE` of them."""
    wrong = list(islice(find_wrong_kinds(session), PAGE))
    for number, _, kind in wrong:
        set_kind(session, number, kind)
    return [uri for _, uri, _ in wrong]


@across(because="the service itself mends")
def mend_keys(session: Session) -> bool:
    """Make the keys of events anew where there are any that are not right; whether that was so.

    Raises `IntegrityError`, and nothing is changed, where two events are stored under one key.
    """
    if is_postgresql(session) or check_keys(session) is None:
        return False
    make_keys_anew(session)
    return True
