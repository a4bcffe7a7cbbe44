"""The entries of the rule book as people read them: a title and some sentences, as templates and values for `say`."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from trace.domain.failures import N_
from trace.web.rule_words_acceptance import ACCEPTANCE_TITLES, ACCEPTANCE_TOLD
from trace.web.rule_words_care import CARE_TITLES, CARE_TOLD
from trace.web.rule_words_climate import CLIMATE_TITLES, CLIMATE_TOLD
from trace.web.rule_words_dispensing import DISPENSING_TITLES, DISPENSING_TOLD
from trace.web.rule_words_drugs import DRUG_TITLES, DRUG_TOLD
from trace.web.rule_words_duty import DUTY_TITLES, DUTY_TOLD
from trace.web.rule_words_export import EXPORT_TITLES, EXPORT_TOLD
from trace.web.rule_words_jobs import JOB_TITLES, JOB_TOLD
from trace.web.rule_words_themes import OTHERS, THEMES

Said = tuple[str, Mapping[str, str]]

TITLES: Mapping[str, str] = {
    **CARE_TITLES,
    **CLIMATE_TITLES,
    **DISPENSING_TITLES,
    **ACCEPTANCE_TITLES,
    **DRUG_TITLES,
    **DUTY_TITLES,
    **EXPORT_TITLES,
    **JOB_TITLES,
    "fields.record": N_("Every record"),
    "fields.packed": N_("Packed food"),
    "fields.packed_file": N_("Packed food: what its file says"),
    "fields.drug": N_("Drugs"),
    "papers.produce": N_("Produce"),
    "papers.meat_quarantine": N_("Meat: quarantine"),
    "papers.pork_inspection": N_("Pork: inspection"),
    "papers.pork_asf": N_("Pork: African swine fever"),
    "papers.import_entry": N_("Imported food"),
    "papers.packaged": N_("Packed food"),
    "papers.drug_test": N_("Drugs: test report"),
    "papers.drug_note": N_("Drugs: delivery note"),
    "ended_form.quarantine_product_a_b": N_("Older forms of quarantine certificates"),
    "ended_form.commitment_older": N_("Older form of commitment certificates"),
    "carcass_papers": N_("Cut meat"),
    "paper_use": N_("How the use of a paper is counted"),
    "paper_excess": N_("More goods than a paper certifies"),
    "paper_date": N_("A paper dated after the goods"),
    "commitment.scope": N_("Goods that take a commitment certificate"),
    "commitment.renewal": N_("Who mixes or re-packs"),
    "commitment_bases": N_("Older bases of a commitment"),
    "licence.drug": N_("Licence of a supplier of drugs"),
    "licence.food": N_("Licence of a supplier of food"),
    "business_block": N_("Blocked by the regulator"),
    "first_check.grower": N_("First check of a grower"),
    "first_check.food": N_("First check of a supplier of food"),
    "first_check.drug": N_("First check of a supplier of drugs"),
    "first_delivery.food": N_("First delivery of food"),
    "first_delivery.drug": N_("First delivery of drugs"),
    "identifier_doubt": N_("Numbers that look wrong"),
    "override.R1": N_("Record incomplete"),
    "override.R2": N_("No valid licence"),
    "override.R3": N_("Paper missing"),
    "override.R6": N_("Quantities that do not add up"),
    "override.R7": N_("Expired, held or recalled"),
    "override.R8": N_("Code that was sold before"),
    "override.R9": N_("Drug without trace codes"),
    "override.R11": N_("Temperature out of range"),
    "override.BLOCKED": N_("Supplier blocked by the regulator"),
    "override.STANDING": N_("Supplier blocked in the own file"),
    "override.FIRST": N_("Supplier not checked yet"),
    "temperature.frozen": N_("Frozen food"),
    "temperature.chilled_meat": N_("Chilled meat"),
    "temperature.chilled": N_("Other chilled food"),
    "temperature.drug_cold": N_("Drugs: cold"),
    "temperature.drug_cool": N_("Drugs: cool"),
    "temperature.drug_room": N_("Drugs: room temperature"),
    "weighing_tolerance": N_("Difference between two scales"),
    "balance_tolerance": N_("Mixing and splitting"),
    "near_expiry": N_("Near expiry: food"),
    "near_expiry.drug": N_("Near expiry: drugs"),
    "sales_attribution": N_("Sales whose lot is not known"),
    "in_store_codes": N_("Codes of the own scales"),
    "undo.seconds": N_("Taking back with one tap"),
    "trace_codes": N_("Trace codes on arrival"),
    "retest.rapid": N_("Re-test after a rapid test"),
    "retest.other": N_("Re-test after another test"),
    "recall.food.1": N_("Recall of food, class I"),
    "recall.food.2": N_("Recall of food, class II"),
    "recall.food.3": N_("Recall of food, class III"),
    "recall.drug.1": N_("Recall of drugs, class I"),
    "recall.drug.2": N_("Recall of drugs, class II"),
    "recall.drug.3": N_("Recall of drugs, class III"),
    "disposal": N_("Record of a destruction"),
    "disposal.methods": N_("Ways of destruction"),
    "correction": N_("Corrections"),
    "retained_sample": N_("Samples a canteen keeps"),
    "self_check.points": N_("List of risk points"),
    "self_check.days_late": N_("Signing a self-check late"),
    "self_check.near_days": N_("Near its end, in the self-check"),
    "import.limits": N_("Files that are read in: limits"),
    "import.at_once": N_("Files that are read in: rows at once"),
    "objects.keeping": N_("Photos and papers: locks and what nobody needs"),
    "retention.produce": N_("Produce: by law"),
    "keep.produce": N_("Produce: in this house"),
    "retention.food": N_("Food"),
    "retention.drug": N_("Drugs"),
    "retention.prescription": N_("Prescriptions"),
    "retention.vaccine": N_("Vaccines"),
    "retention.platform": N_("Sales online"),
    "retention.recall": N_("Recalls"),
    "keep.after_hold": N_("After a hold is lifted"),
    "expiry_warning": N_("Warnings before something ends"),
    "calendar.2025": N_("Working days of 2025"),
    "calendar.2026": N_("Working days of 2026"),
}


def theme_of(name: str) -> tuple[str, str]:
    """(anchor, title) of the theme a name belongs to."""
    fits = [(len(start), theme) for theme in THEMES for start in theme[2] if name.startswith(start)]
    return max(fits, key=lambda fit: fit[0])[1][:2] if fits else OTHERS


def title_of(name: str) -> Said:
    """What an entry is called; one that somebody added is called by its name."""
    if name in TITLES:
        return TITLES[name], {}
    if name.startswith("calendar."):
        return N_("Working days of {year}"), {"year": name.removeprefix("calendar.")}
    return "{name}", {"name": name}


def sentences_of(name: str, value: Any) -> list[Said]:
    """What an entry says; the value of a family that has no words yet is shown as it is."""
    tell = _TOLD.get(name) or _TOLD.get(f"{name.partition('.')[0]}.")
    return tell(value) if tell else [("{value}", {"value": json.dumps(value, ensure_ascii=False)})]


def _listed(words: Any) -> str:
    return ", ".join(str(word) for word in words if word)


def _percent(share: str) -> str:
    return f"{Decimal(share) * 100:f}".rstrip("0").rstrip(".") or "0"


def _severity(value: Any) -> list[Said]:
    return [(N_("If it is so: {severity}."), {"severity": value["severity"]})]


def _papers(value: Any) -> list[Said]:
    if not value["any_of"]:
        return [(N_("Nothing is needed any more."), {})]
    return [
        (N_("For: {categories}."), {"categories": _listed(value["categories"])}),
        (
            N_("Any one of: {papers}. If none is there: {severity}."),
            {"papers": _listed(value["any_of"]), "severity": value["severity"]},
        ),
    ]


def _fields(value: Any) -> list[Said]:
    alone = [group[0] for group in value["all_of"] if len(group) == 1]
    said: list[Said] = [(N_("For: {categories}."), {"categories": _listed(value["categories"])})]
    if alone:
        said.append((N_("It says: {fields}."), {"fields": _listed(alone)}))
    said += [
        (N_("It says one of: {fields}."), {"fields": _listed(group)}) for group in value["all_of"] if len(group) > 1
    ]
    return [*said, (N_("If that is missing: {severity}."), {"severity": value["severity"]})]


def _ended_form(value: Any) -> list[Said]:
    text = N_("{paper} in the form {forms}, dated on this day or later: {severity}.")
    return [
        (
            text,
            {
                "paper": value["kind"],
                "forms": _listed(f"paper_form_{form}" for form in value["forms"]),
                "severity": value["severity"],
            },
        )
    ]


def _carcass(value: Any) -> list[Said]:
    text = N_("For cut {categories} the papers of the slaughter batch count: {papers}.")
    return [(text, {"categories": _listed(value["categories"]), "papers": _listed(value["kinds"])})]


def _paper_use(value: Any) -> list[Said]:
    passed = {
        "excess": N_("Goods that go on under the same paper count once, and what is beyond."),
        "all": N_("Every delivery under a paper counts."),
    }
    return [(N_("Counted for: {papers}."), {"papers": _listed(value["kinds"])}), (passed[value["passed_on"]], {})]


def _renewal(value: Any) -> list[Said]:
    text = N_("A certificate of its own issues: {kinds}. If it is missing: {severity}.")
    return [(text, {"kinds": _listed(value["kinds"]), "severity": value["severity"]})]


def _bases(value: Any) -> list[Said]:
    return [
        (N_("{old} is called {new} now."), {"old": f"basis_{old}", "new": f"basis_{new}"}) for old, new in value.items()
    ]


def _first_check(value: Any) -> list[Said]:
    said: list[Said] = [
        (N_("For: {kinds}."), {"kinds": _listed(value["kinds"])}),
        (N_("Looked at: {items}."), {"items": _listed(value["items"])}),
    ]
    return said if "" not in value["kinds"] else [*said, (N_("Also where the kind of business is not known."), {})]


def _first_delivery(value: Any) -> list[Said]:
    text = N_("{categories}, of a supplier nobody checked: {severity}.")
    return [(text, {"categories": _listed(value["categories"]), "severity": value["severity"]})]


def _override(value: Any) -> list[Said]:
    if value["block"] == value["hold"]:
        return [("{takes}", {"takes": f"takes_{value['block']}"})]
    return [
        (N_("Where the goods are not acceptable: {takes}"), {"takes": f"takes_{value['block']}"}),
        (N_("Where they are to be held: {takes}"), {"takes": f"takes_{value['hold']}"}),
    ]


def _temperature(value: Any) -> list[Said]:
    return [(N_("{low} to {high} °C."), value)]


def _weighing(value: Any) -> list[Said]:
    return [(N_("At most {percent} %."), {"percent": _percent(value)})]


def _balance(value: Any) -> list[Said]:
    return [
        (N_("At most {percent} % more may come out than went in."), {"percent": _percent(value["gain"])}),
        (N_("A loss of more than {percent} % is asked for."), {"percent": _percent(value["loss"])}),
    ]


def _near_expiry(value: Any) -> list[Said]:
    text = N_("Shelf life of {life} days and more: {days} days before its end.")
    return [(text, {"life": str(row["shelf_life"]), "days": str(row["days"])}) for row in value]


def _attribution(value: Any) -> list[Said]:
    order = {
        "fefo": N_("Taken from the lot that expires first."),
        "fifo": N_("Taken from the lot that came first."),
    }
    text = N_("A lot that is sold out by the books may have been on the shelf for {days} days more.")
    return [(order[value["policy"]], {}), (text, {"days": str(value["days_open"])})]


def _profiles(value: Any) -> list[Said]:
    text = N_("{digits} digits that begin with {prefixes}: {plu} digits of PLU, then {measures}.")
    told: list[Said] = [
        (
            text,
            {
                "digits": str(one["digits"]),
                "prefixes": _listed(one["prefixes"]),
                "plu": str(one["plu_digits"]),
                "measures": _listed(one["measures"]),
            },
        )
        for one in value["profiles"]
    ]
    return told or [(N_("None yet."), {})]


def _term(value: Any) -> list[Said]:
    if "hours" in value:
        return [(N_("Within {hours} hours."), {"hours": str(value["hours"])})]
    return [(N_("Within {days} working days."), {"days": str(value["working_days"])})]


def _recall(value: Any) -> list[Said]:
    hours = value["start_hours"]
    said: list[Said] = [(N_("Everywhere within {hours} hours."), {"hours": str(hours)})]
    if hours > 48 and hours % 24 == 0:
        said = [(N_("Everywhere within {days} days."), {"days": str(hours // 24)})]
    days = value.get("finish_working_days")
    return said if days is None else [*said, (N_("Finished within {days} working days."), {"days": str(days)})]


def _must_say(value: Any) -> list[Said]:
    return [(N_("It says: {fields}."), {"fields": _listed(value["fields"])})]


def _months(value: Any) -> list[Said]:
    months, after = str(value["months"]), value.get("after_expiry_months")
    if after is None:
        return [(N_("{months} months."), {"months": months})]
    text = N_("{after} months after the goods expire; where they do not, {months} months.")
    return [(text, {"after": str(after), "months": months})]


def _warning(value: Any) -> list[Said]:
    return [(N_("{days} days before."), {"days": " / ".join(str(days) for days in value)})]


def _calendar(value: Any) -> list[Said]:
    texts = ((N_("Days off: {days}."), "days_off"), (N_("Weekend days that are worked: {days}."), "worked"))
    return [
        (text, {"days": " · ".join(span.replace("/", " – ") for span in value[name])})
        for text, name in texts
        if value[name]
    ] or [(N_("Nothing is needed any more."), {})]


_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    **CARE_TOLD,
    **CLIMATE_TOLD,
    **DISPENSING_TOLD,
    **ACCEPTANCE_TOLD,
    **DRUG_TOLD,
    **DUTY_TOLD,
    **EXPORT_TOLD,
    **JOB_TOLD,
    "fields.": _fields,
    "papers.": _papers,
    "ended_form.": _ended_form,
    "carcass_papers": _carcass,
    "paper_use": _paper_use,
    "commitment.scope": lambda value: [(N_("For: {categories}."), {"categories": _listed(value["categories"])})],
    "commitment.renewal": _renewal,
    "commitment_bases": _bases,
    "first_check.": _first_check,
    "first_delivery.": _first_delivery,
    "override.": _override,
    "temperature.": _temperature,
    "weighing_tolerance": _weighing,
    "balance_tolerance": _balance,
    "near_expiry": _near_expiry,
    "near_expiry.": _near_expiry,
    "sales_attribution": _attribution,
    "in_store_codes": _profiles,
    "undo.seconds": lambda value: [(N_("For {seconds} seconds."), {"seconds": str(value)})],
    "retained_sample": lambda value: [
        (N_("{grams} g of each dish, for {hours} hours."), {"grams": str(value["grams"]), "hours": str(value["hours"])})
    ],
    "self_check.points": lambda value: [("{points}", {"points": _listed(f"point_{one['code']}" for one in value)})],
    "self_check.days_late": lambda value: [(N_("{days} days."), {"days": str(value)})],
    "self_check.near_days": lambda value: [(N_("{days} days."), {"days": str(value)})],
    "import.limits": lambda value: [
        (
            N_("At most {megabytes} MB, {rows} rows, {columns} columns."),
            {
                "megabytes": f"{value['bytes'] / 1e6:g}",
                "rows": str(value["rows"]),
                "columns": str(value["columns"]),
            },
        )
    ],
    "import.at_once": lambda value: [(N_("{rows} rows."), {"rows": str(value)})],
    "retest.": _term,
    "recall.": _recall,
    "disposal": _must_say,
    "disposal.methods": lambda value: [("{methods}", {"methods": _listed(value)})],
    "correction": _must_say,
    "objects.keeping": lambda value: [
        (
            N_(
                "Locked after {first} hours for {months} months at most, anew {ahead} days before that ends; what no"
                " record names is removed after {grace} days."
            ),
            {
                "first": str(value["first_look_hours"]),
                "months": str(value["lock_months"]),
                "ahead": str(value["ahead_days"]),
                "grace": str(value["grace_days"]),
            },
        )
    ],
    "retention.": _months,
    "keep.": _months,
    "expiry_warning": _warning,
    "calendar.": _calendar,
    **dict.fromkeys(
        (
            "paper_excess",
            "paper_date",
            "licence.",
            "business_block",
            "identifier_doubt",
            "trace_codes",
        ),
        _severity,
    ),
}
