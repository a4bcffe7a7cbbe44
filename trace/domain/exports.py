"""What is told to others of a pharmacy's records: targets, forms, states, and what an answer means.

Scan once, export many: each target gets files of its own, each file has one state. Forms and fields: medical insurance
3503 to 3507 (国家医保信息平台接口规范), the retail bills of the trace platform (码上放心), EPCIS 2.0 and 1.2.
No record names a patient: nobody here knows one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import TypeVar

_T = TypeVar("_T")


class Kind(StrEnum):
    """To whom: the medical insurance, the trace platform, a partner's EPCIS repository of either version."""

    MEDICAL_INSURANCE = "medical_insurance"
    TRACE_PLATFORM = "trace_platform"
    EPCIS_2_0 = "epcis_2_0"
    EPCIS_1_2 = "epcis_1_2"


class Form(StrEnum):
    """What a file holds, in the order in which files are made: what withdraws a record goes before its successor."""

    WITHDRAWAL = "3507"
    PURCHASE = "3503"
    PURCHASE_RETURN = "3504"
    SALE = "3505"
    SALE_RETURN = "3506"
    RETAIL_BILL = "retail_bill"
    RETAIL_RETURN = "retail_return"
    EPCIS = "epcis"


FORMS: Mapping[Kind, tuple[Form, ...]] = {
    Kind.MEDICAL_INSURANCE: (
        Form.WITHDRAWAL,
        Form.PURCHASE,
        Form.PURCHASE_RETURN,
        Form.SALE,
        Form.SALE_RETURN,
    ),
    Kind.TRACE_PLATFORM: (Form.RETAIL_BILL, Form.RETAIL_RETURN),
    Kind.EPCIS_2_0: (Form.EPCIS,),
    Kind.EPCIS_1_2: (Form.EPCIS,),
}


class State(StrEnum):
    """Where a file stands.

    queued: not answered yet. sent: taken, and still being worked on over there. confirmed: taken for good, so they say.
    refused: not taken, for a reason of theirs. reconciled: asked afterwards, they do hold it. dropped: refused, and
    nothing in it is to be told any more.
    """

    QUEUED = "queued"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    RECONCILED = "reconciled"
    DROPPED = "dropped"


class Outcome(StrEnum):
    """What an answer means for a file."""

    CONFIRMED = "confirmed"
    TAKEN = "taken"  # and still being worked on
    REFUSED = "refused"  # for a reason of business: sending it again changes nothing
    AGAIN = "again"  # nobody was there to judge it: a gateway, a queue that is full
    LOCKED = "locked"  # we are not let in: the account, not the file
    MISSING = "missing"  # asked afterwards: they do not hold it
    UNKNOWN = "unknown"  # asked afterwards: they do not say


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the other side said of a file: what it means, and its own code and words."""

    outcome: Outcome
    code: str = ""
    message: str = ""


class Advice(StrEnum):
    """What a person does about a refusal."""

    ACCOUNT = "account"
    CATALOGUE = "catalogue"
    CODES = "codes"
    DATES = "dates"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a purchase, a sale or a return, as it is told. Times are local, amounts in the product's unit.

    `subject` is the key under which it is told once; `number` what the other side knows it by, at most 30 characters.
    """

    form: Form
    subject: str
    number: str
    recorded_at: datetime
    happened_at: datetime
    operator: str
    document: str = ""
    product: int = 0
    product_id: str = ""
    name: str = ""
    prescription: str | None = None
    approval_no: str = ""
    producer: str = ""
    drug_class: str = ""
    listing: str | None = None  # the insurance's code of the drug; None: nobody entered it yet
    lot_number: str = ""
    produced_on: date | None = None
    expires_on: date | None = None
    amount: Decimal = Decimal(0)
    price: Decimal | None = None
    partner: str = ""
    split: bool = False
    codes: tuple[str, ...] = ()
    withdraws: Form | None = None  # of what takes another record back


def judge_status(status: int) -> Outcome | None:
    """What HTTP's status alone says; None for success, whose body says the rest."""
    if 200 <= status < 300:
        return None
    if status in (401, 403, 407):
        return Outcome.LOCKED
    if status in (408, 425, 429) or status >= 500:
        return Outcome.AGAIN
    # A redirect is not followed: whoever entered the address meant that one. 404: there is no such door.
    return Outcome.LOCKED if status in (404, 405) or status < 400 else Outcome.REFUSED


def advice_for(verdict_text: str, words: Mapping[str, Sequence[str]]) -> Advice:
    """What to do about a refusal, by words in it: {advice: words} of the rule book (`export.answers`)."""
    said = verdict_text.casefold()
    for advice in Advice:
        if any(word.casefold() in said for word in words.get(advice.value, ())):
            return advice
    return Advice.OTHER


def is_of_platform(code: str) -> bool:
    """Whether a trace code is one of the platform's: 20 digits, the first an 8; it passes over all others."""
    return len(code) == 20 and code.isascii() and code.isdigit() and code.startswith("8")


def parts(records: Iterable[Record], size: Callable[[Record], int], most: int) -> Iterator[list[Record]]:
    """Records in their order, cut into lists whose sizes add up to `most` at most; a larger one stands alone."""
    part: list[Record] = []
    filled = 0
    for record in records:
        if part and filled + size(record) > most:
            yield part
            part, filled = [], 0
        part.append(record)
        filled += size(record)
    if part:
        yield part


def apart(records: Iterable[_T], key: Callable[[_T], bool]) -> list[tuple[bool, list[_T]]]:
    """(False, those without), (True, those with) a mark; only what there is, order kept."""
    ordered = sorted(records, key=key)
    return [(mark, list(some)) for mark, some in groupby(ordered, key)]


def next_at(now: datetime, clock: str) -> datetime:
    """The next moment after `now` at which the local clock (of `now`) shows `HH:MM`."""
    hour, minute = clock.split(":")
    on_day = datetime.combine(now.date(), time(int(hour), int(minute)), tzinfo=now.tzinfo)
    return on_day if on_day > now else on_day + timedelta(days=1)
