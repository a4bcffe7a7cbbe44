"""What the value of each entry of the rule book looks like: what an administrator writes is refused or works.

A value of the wrong shape would break a receipt weeks later, at six in the morning. So each name has a shape here, each
entry that is shipped passes its own (a test), and no other name can be written.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from trace.domain.attribution import Policy
from trace.domain.drugs import DrugClass
from trace.domain.exports import Advice
from trace.domain.failures import N_, Invalid
from trace.domain.in_store_codes import profiles_of
from trace.domain.paper_use import PassedOn
from trace.domain.papers import CertificateKind, CommitmentBasis, Severity
from trace.domain.parties import OrganisationKind
from trace.domain.products import Category, Prescription
from trace.domain.rules.book import RuleBook
from trace.domain.rules.overrides import Override
from trace.domain.working_days import days_of, span_of

Shape = Callable[[Any, str], None]
_NUMBER = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
_REST = re.compile(r"[A-Za-z0-9_]{1,40}")
_YEAR = re.compile(r"20[0-9]{2}")
RECORD_FIELDS = (
    "product_name", "amount", "unit", "supplier_name", "supplier_address", "supplier_contact", "specification",
    "shelf_life_days", "produced_on", "expires_on", "lot_number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """Entries of one shape. A name that ends in a point stands for all that begin with it, if `more` may be written.

    `house` says whether every business decides it for itself; None: where what is shipped is a house rule.
    """

    name: str
    shape: Shape
    house: bool | None = None
    more: bool = True


def find_family(name: str) -> Family | None:
    """The family an entry of this name belongs to; None for a name that no rule reads."""
    prefix, _, rest = name.rpartition(".")
    for family in _FAMILIES:
        if family.name == name or (family.name == f"{prefix}." and _REST.fullmatch(rest)):
            return family
    return None


def check_entry(name: str, value: Any, book: RuleBook) -> Family:
    """The family of an entry that may be written; raises `Invalid` for a name nobody reads, a value nobody could."""
    family = find_family(name)
    known = any(entry.name == name for entry in book.written)
    if family is None or not (known or family.more):
        raise Invalid(N_("No rule reads an entry {name}. Choose one of those that are there."), field="name", name=name)
    if name.startswith("calendar."):
        _check_calendar(name.removeprefix("calendar."), value)
    else:
        family.shape(value, "value")
    return family


def record(needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with exactly these members, some of which may be left out."""
    shapes = {**needed, **(optional or {})}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict) or not needed.keys() <= value.keys() <= shapes.keys():
            text = N_("{where} has the entries {names}; {came} came.")
            raise _wrong(text, where, value, names=", ".join(shapes))
        for name, inner in value.items():
            shapes[name](inner, f"{where}.{name}")

    return check


def each(shape: Shape, *, least: int = 0, most: int = 60) -> Shape:
    """A list of so many values of one shape, none of them twice."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            text = N_("{where} is a list of {least} to {most} values; {came} came.")
            raise _wrong(text, where, value, least=least, most=most)
        for number, inner in enumerate(value):
            shape(inner, f"{where}.{number}")
        if any(inner in value[:number] for number, inner in enumerate(value)):
            raise _wrong(N_("{where} names something twice: {came}."), where, value)

    return check


def one_of(words: Iterable[str]) -> Shape:
    """One of these texts."""
    choices = tuple(str(word) for word in words)

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or value not in choices:
            text = N_("{where} is one of: {choices}; {came} came.")
            raise _wrong(text, where, value, choices=", ".join(choice or '""' for choice in choices))

    return check


def whole(low: int, high: int) -> Shape:
    """A whole number within a range."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(
                N_("{where} is a whole number from {low} to {high}; {came} came."), where, value, low=low, high=high
            )

    return check


def number(low: int, high: int | Decimal) -> Shape:
    """A number within a range, written as a text: floating point would change it."""

    def check(value: Any, where: str) -> None:
        if not (isinstance(value, str) and _NUMBER.fullmatch(value) and low <= Decimal(value) <= high):
            text = N_(
                "{where} is a number from {low} to {high} in quotation marks, with at most 6 decimals; {came} came."
            )
            raise _wrong(text, where, value, low=low, high=high)

    return check


def text(most: int, *, least: int = 1) -> Shape:
    """A text that a person can read."""

    def check(value: Any, where: str) -> None:
        if not (
            isinstance(value, str) and least <= len(value) <= most and value.isprintable() and value == value.strip()
        ):
            raise _wrong(
                N_("{where} is a text of {least} to {most} characters; {came} came."),
                where,
                value,
                least=least,
                most=most,
            )

    return check


def words_for(keys: Shape, values: Shape) -> Shape:
    """An object whose member names and values have these shapes."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict) or not 1 <= len(value) <= 60:
            raise _wrong(
                N_("{where} is a list of {least} to {most} values; {came} came."), where, value, least=1, most=60
            )
        for key, inner in value.items():
            keys(key, where)
            values(inner, f"{where}.{key}")

    return check


def _check_calendar(year: str, value: Any) -> None:
    if not _YEAR.fullmatch(year):
        raise Invalid(
            N_("A calendar is named by its year, such as calendar.2027; {came} came."), field="name", came=year
        )
    spans = each(text(21), most=60)
    record({"days_off": spans, "worked": spans})(value, "value")
    for name in ("days_off", "worked"):
        for n, span in enumerate(value[name]):
            if not _is_span(span, int(year)):
                said = N_("{where} is a day of the year {year}, or the first and the last of several; {came} came.")
                raise _wrong(said, f"value.{name}.{n}", span, year=year)
    both = days_of(value["days_off"]) & days_of(value["worked"])
    if both:
        raise _wrong(N_("{where} is a day off and a worked day; {came} came."), min(both).isoformat(), value["worked"])


def _is_span(span: str, year: int) -> bool:
    try:
        first, last = span_of(span)
    except ValueError:
        return False
    return date(year, 1, 1) <= first <= last <= date(year, 12, 31)


def _check_steps(value: Any, where: str) -> None:
    """Rows by falling shelf life, the last of which every shelf life reaches."""
    each(record({"shelf_life": whole(0, 36_500), "days": whole(0, 3650)}), least=1, most=20)(value, where)
    lives = [row["shelf_life"] for row in value]
    if lives[-1] != 0 or lives != sorted(set(lives), reverse=True):
        raise _wrong(N_("{where} begins with the longest shelf life and ends with 0; {came} came."), where, value)


def _check_range(value: Any, where: str) -> None:
    record({"low": number(-100, 100), "high": number(-100, 100)})(value, where)
    if Decimal(value["low"]) > Decimal(value["high"]):
        raise _wrong(N_("{where} has the colder end as low, the warmer one as high; {came} came."), where, value)


def _check_profiles(value: Any, where: str) -> None:
    """How a shop's scale prints its codes: of the right types, then as whoever reads them wants them."""
    profile = record(
        {
            "digits": whole(13, 18),
            "prefixes": each(text(3), least=1),
            "plu_digits": whole(1, 7),
            "measures": each(text(20), least=1, most=4),
        }
    )
    record({"profiles": each(profile, most=20)})(value, where)
    profiles_of(value)


def _yes_or_no(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise _wrong(N_("{where} is true or false; {came} came."), where, value)


def _wrong(message: str, where: str, came: Any, **values: Any) -> Invalid:
    shown = json.dumps(came, ensure_ascii=True)  # what came may hold what no page can show
    return Invalid(
        message, field="value", where=where, came=shown if len(shown) <= 80 else f"{shown[:77]}...", **values
    )


_SEVERITY = one_of(Severity)
_ONLY_SEVERITY = record({"severity": _SEVERITY})
_CATEGORIES = each(one_of(Category), least=1)
_CERTIFICATES = each(one_of(CertificateKind))
_ORGANISATIONS = each(one_of(OrganisationKind), least=1)
_OVERRIDE = one_of(kind for kind in Override if kind is not Override.FREE)
_MONTHS = record({"months": whole(0, 1200)}, {"after_expiry_months": whole(0, 1200)})
# No scales differ by more, and nobody may receive or make much more than there was by a house rule.
_GAIN = number(0, Decimal("0.1"))
_FIELD_GROUPS = each(each(one_of(RECORD_FIELDS), least=1))
_IMPORT_LIMITS = ("bytes", "rows", "columns", "cell", "empty_rows", "parts", "unpacked", "part", "ratio")
_RISK_POINT = record(
    {"code": text(40), "area": text(40)},
    {
        "basis": text(200, least=0),
        # What the records are counted for (trace.services.self_checks); without one a person looks.
        "source": text(40),
    },
)
_DRUG_CLASSES = record({"classes": each(one_of(DrugClass))})
_CARE = record(
    {
        "days": whole(1, 3650),
        "storages": each(text(8)),
        "classes": each(text(16)),
        "near_expiry": _yes_or_no,
        "open_packs": _yes_or_no,
    }
)
_CLOCK = one_of(f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))
_PHRASES = each(text(40))
_HOURS = whole(1, 8760)
_WORKING_DAYS = whole(1, 365)

_LOCKS = {"lock_months": whole(1, 120), "ahead_days": whole(1, 365)}
_TRIED = ("subscription", "export_build", "export_send", "export_ask", "import")  # kinds of jobs
# The grace is more than storage.objects.s3.FRESH.
_OBJECTS = record({"first_look_hours": whole(1, 240), "grace_days": whole(3, 3650), **_LOCKS})
_PATIENCE = record({}, dict.fromkeys(_TRIED, record({"failures": whole(1, 1000), "days": whole(0, 365)})))
_FAMILIES = (
    Family("papers.", record({"categories": _CATEGORIES, "any_of": _CERTIFICATES, "severity": _SEVERITY})),
    Family("fields.", record({"categories": _CATEGORIES, "all_of": _FIELD_GROUPS, "severity": _SEVERITY})),
    Family("ended_form.", record({"kind": one_of(CertificateKind), "forms": each(text(24)), "severity": _SEVERITY})),
    Family("commitment_bases", words_for(text(24), one_of(CommitmentBasis))),
    Family("carcass_papers", record({"categories": _CATEGORIES, "kinds": _CERTIFICATES})),
    # Who would be watched by these does not write them: the platform does, for everybody.
    Family("paper_use", record({"kinds": _CERTIFICATES, "passed_on": one_of(PassedOn)}), house=False),
    Family("paper_excess", _ONLY_SEVERITY, house=False),
    Family("paper_date", _ONLY_SEVERITY, house=False),
    Family("override.BLOCKED", record({"block": _OVERRIDE, "hold": _OVERRIDE}), house=False),
    Family("review.valid_days", whole(0, 60), house=False),
    Family("review.remote", one_of(("none", "headquarters")), house=False),
    Family("review.", record({"prescriptions": each(one_of(Prescription))}), house=False, more=False),
    Family("duty.longest_hours", whole(1, 24), house=False),
    Family("window.reading_hours", whole(1, 240), house=False),
    Family("window.", whole(1, 3650), house=False, more=False),
    Family("inspection.inspectors", whole(1, 10), house=False),
    Family("prescription.image", one_of(("none", "encrypted"))),
    Family("balance_tolerance", record({"gain": _GAIN, "loss": number(0, 1)}), house=False),
    Family("correction", record({"fields": each(one_of(("who", "why", "device")))}), house=False),
    Family("keep.after_hold", _MONTHS, house=False),
    Family("commitment.scope", record({"categories": _CATEGORIES})),
    Family("commitment.renewal", record({"kinds": _ORGANISATIONS, "severity": _SEVERITY})),
    Family("licence.", _ONLY_SEVERITY, more=False),
    Family("business_block", _ONLY_SEVERITY),
    Family(
        "first_check.",
        record({"kinds": each(one_of(("", *OrganisationKind)), least=1), "items": each(text(40))}),
    ),
    Family("first_product.items", each(text(40), least=1)),
    Family("relation.limits", record({"bytes": whole(1, 64_000_000), "codes": whole(1, 500_000)}), house=False),
    Family("acceptance.two_signatures", record({"classes": each(one_of(DrugClass)), "severity": _SEVERITY})),
    Family("acceptance.", _ONLY_SEVERITY, more=False),
    Family("first_delivery.", record({"categories": _CATEGORIES, "severity": _SEVERITY})),
    Family("identifier_doubt", _ONLY_SEVERITY),
    Family("trace_codes", _ONLY_SEVERITY),
    Family("override.", record({"block": _OVERRIDE, "hold": _OVERRIDE})),
    Family("temperature.", _check_range),
    Family("weighing_tolerance", _GAIN),
    Family("retest.rapid", record({"hours": _HOURS})),
    Family("retest.other", record({"working_days": _WORKING_DAYS})),
    Family("recall.food.", record({"start_hours": _HOURS}, {"finish_working_days": _WORKING_DAYS}), more=False),
    Family("recall.drug.", record({"start_hours": _HOURS}, {"finish_working_days": _WORKING_DAYS}), more=False),
    Family(
        "disposal",
        record(
            {
                "fields": each(one_of(("reason", "method", "place", "witness", "photo"))),
                "severity": _SEVERITY,
            }
        ),
    ),
    Family("disposal.methods", each(text(40), least=1)),
    Family("objects.keeping", _OBJECTS, house=False),
    Family("job.patience", _PATIENCE, house=False),
    Family("trace.pauses", record({"minutes": whole(5, 1440), "most": whole(10, 10_000)}), house=False),
    Family("retention.", _MONTHS, more=False),
    Family("keep.", _MONTHS, more=False),
    Family("expiry_warning", each(whole(1, 3650), least=1, most=10)),
    Family("near_expiry", _check_steps),
    Family("near_expiry.", _check_steps),
    Family("expiry_red.", whole(0, 3650), more=False),
    Family(
        "climate.zone.",
        record({}, dict.fromkeys(("low", "high", "humidity_low", "humidity_high"), number(-60, 100))),
        house=False,
        more=False,
    ),
    Family(
        "climate.readings",
        each(record({"part": text(24), "from": whole(0, 23), "until": whole(1, 24)}), least=1),
        house=False,
    ),
    Family("climate.activation_energy", number(1, 1000), house=False),
    Family("climate.log_gap_minutes", whole(1, 1440), house=False),
    Family("climate.file_limits", record({"bytes": whole(1, 64_000_000), "rows": whole(1, 500_000)}), house=False),
    Family("climate.calm_minutes", whole(1, 1440), house=False),
    Family("climate.late_hours", record({"hours": whole(1, 240), "most_days": whole(1, 366)}), house=False),
    Family("climate.keep_minutes", record({"inside": whole(1, 1440), "outside": whole(1, 1440)}), house=False),
    Family("care.check", record({"days": whole(1, 3650)})),
    Family("care.key", _CARE),
    # What the law forbids at the counter is the platform's to say; how the shop works is the shop's.
    Family("dispensing.never", _DRUG_CLASSES, house=False),
    Family("dispensing.without_code", _DRUG_CLASSES, house=False),
    Family("dispensing.most_packs", words_for(one_of(DrugClass), whole(1, 100)), house=False),
    Family("dispensing.open_days", whole(1, 3650)),
    Family("dispensing.late_hours", whole(1, 720), house=False),
    Family("dispensing.earlier_first", record({"asks": one_of(("reason", "tell"))})),
    Family("stocktaking.difference", one_of(("reason", "two_people"))),
    Family("sales_attribution", record({"policy": one_of(Policy), "days_open": whole(0, 365)})),
    Family("retained_sample", record({"hours": _HOURS, "grams": whole(1, 10_000)})),
    Family("self_check.points", each(_RISK_POINT, least=1)),
    Family("self_check.days_late", whole(0, 365)),
    Family("self_check.near_days", whole(0, 365)),
    # How the insurance and the trace platform are spoken to is the same for all pharmacies.
    Family("export.nightly", record({"build": _CLOCK, "reconcile": _CLOCK}), house=False),
    Family(
        "export.retry",
        record(
            {
                "times": whole(0, 20),
                "pause_seconds": whole(1, 3600),
                "calls_a_second": whole(1, 100),
                "lost_times": whole(1, 30),
            }
        ),
        house=False,
    ),
    Family("export.sizes", record(dict.fromkeys(("codes", "records", "events"), whole(1, 10_000))), house=False),
    Family("export.reach", record({"days_back": whole(0, 366), "reconcile_days": whole(1, 90)}), house=False),
    Family("export.special", each(one_of(DrugClass)), house=False),
    Family("export.methods", record({"upload": text(120), "status": text(120)}), house=False),
    Family("export.answers", record(dict.fromkeys(("already", *Advice), _PHRASES)), house=False),
    # What reading a file may cost is the platform's to say.
    Family("import.limits", record(dict.fromkeys(_IMPORT_LIMITS, whole(1, 64_000_000))), house=False),
    Family("import.at_once", whole(1, 2000), house=False),
    Family("undo.seconds", whole(1, 3600)),
    Family("in_store_codes", _check_profiles, house=True),
    Family("calendar.", lambda value, where: None),  # `check_entry` looks at it: its shape depends on the year
)
