"""R10: what needs a prescription is handed out when a pharmacist on duty has reviewed it, and not before."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from storage.tables import prescription
from tests.town import Town
from trace.domain.failures import Conflict, Failure, Invalid
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import Confidence
from trace.services.duty import end_duty
from trace.services.overrides import Agreement
from trace.services.people import create_person, find_actor
from trace.services.prescriptions import check_review, list_reviews, review
from trace.services.rule_writing import write_rule

RX, OTC_A, OTC_B, UNKNOWN = ("阿莫西林", "rx"), ("布洛芬", "otc_a"), ("板蓝根", "otc_b"), ("甘草片", None)


def check(town: Town, actor: Actor, *products: tuple[str, str | None], **more: Any) -> int | None:
    said = {"reference": None, "reviewed_by": None, **more}
    result: int | None = town.do(check_review, said.pop("command", town.command(actor)), products=products, **said)
    return result


def refused(town: Town, failure: type[Failure], actor: Actor, *products: tuple[str, str | None], **more: Any) -> str:
    said = {"reference": None, "reviewed_by": None, **more}
    command = said.pop("command", town.command(actor))
    found = town.refuses(failure, check_review, command, products=products, **said)
    assert found.details["rule"] == "R10"
    return str(found.field)


PRODUCTS = ((OTC_B,), (UNKNOWN,), (OTC_B, OTC_A), (RX,), (OTC_B, RX))


def test_r10_what_is_handed_out_by_whom(town: Town) -> None:
    kept = 0
    for present in (True, False):
        shop = town.organisation(K.PHARMACY)
        pharmacist = town.pharmacist(shop, on_duty=present)
        for products, reference in itertools.product(PRODUCTS, ("RX", "", None)):
            said = {"reference": f"{reference}-{len(products)}-{products[-1][1]}" if reference else reference}
            if RX not in products and OTC_A not in products:
                assert check(town, pharmacist, *products, **said) is None
                assert check(town, shop, *products, **said) is None
            elif not reference:
                assert refused(town, Invalid, pharmacist, *products, **said) == "prescription"
            elif not present:
                assert refused(town, Conflict, pharmacist, *products, **said) == "prescription"
            else:
                assert refused(town, Conflict, shop, *products, **said) == "prescription"
                number = check(town, pharmacist, *products, **said)
                assert number is not None
                assert check(town, shop, *products, **said) == number  # reviewed: the clerk sells, too
                kept += 1
            assert town.count(prescription) == kept
    assert kept == 3


def test_a_clerk_sells_what_the_pharmacist_reviewed_on_another_device_while_one_is_on_duty(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist, clerk = town.pharmacist(shop), town.colleague(shop, Role.CLERK)
    done = town.do(review, town.command(pharmacist), reference="RX-7", prescribed_on=town.day(1))
    assert (done["reference"], done["reviewed_by"]) == ("RX-7", town.id_of_person(pharmacist))
    assert check(town, clerk, RX, reference=" RX-7 ") is not None
    assert town.do(list_reviews, actor=clerk, since=town.now)[0]["name"] == pharmacist.name
    town.do(end_duty, replace(town.command(pharmacist), now=town.now + timedelta(minutes=5)))
    after = replace(town.command(clerk), now=town.now + timedelta(minutes=6))
    assert refused(town, Conflict, clerk, RX, reference="RX-7", command=after) == "prescription"
    town.pharmacist(shop)  # another one: somebody is on duty again
    assert check(town, clerk, RX, reference="RX-7", command=after) is not None


def test_a_review_counts_for_its_days_and_only_as_that_of_who_reviewed(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist, other = town.pharmacist(shop), town.pharmacist(shop)
    first = check(town, pharmacist, RX, reference="RX-8", reviewed_by=town.id_of_person(pharmacist))
    wrong = town.id_of_person(other)
    assert refused(town, Conflict, pharmacist, RX, reference="RX-8", reviewed_by=wrong) == "reviewed_by"
    assert refused(town, Conflict, pharmacist, RX, reference="RX-9", reviewed_by=wrong) == "reviewed_by"
    for days, counts in ((3, True), (4, False)):
        late = replace(town, now=town.now + timedelta(days=days))
        seller = late.pharmacist(shop)
        if counts:
            assert check(late, seller, RX, reference="RX-8") == first
        else:
            assert refused(late, Conflict, seller, RX, reference="RX-8") == "prescription"
            assert late.refuses(Conflict, review, late.command(seller), reference="RX-8")


def test_a_new_prescription_under_an_old_reference_is_reviewed_anew_and_both_reviews_stay(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist = town.pharmacist(shop)
    first = town.do(review, town.command(pharmacist), reference="RX-1", prescribed_on=town.day(1))
    again = town.do(review, town.command(pharmacist), reference="RX-1", prescribed_on=town.day(0))
    assert again == first  # it counts: there is one review
    late = replace(town, now=town.now + timedelta(days=4))
    seller = late.pharmacist(shop)

    def anew(_: int) -> str:
        return str(late.do(review, late.command(seller), reference="RX-1", prescribed_on=late.day(1))["id"])

    assert late.refuses(Invalid, review, late.command(seller), reference="RX-1", prescribed_on=town.day(1))
    with ThreadPoolExecutor(4) as pool:
        (second,) = set(pool.map(anew, range(4)))
    assert (second != first["id"], town.count(prescription)) == (True, 2)
    old, new = check(town, pharmacist, RX, reference="RX-1"), check(late, seller, RX, reference="RX-1")
    assert old != new
    # A sale of the first days that is sent only now is one on the first review.
    assert check(late, seller, RX, reference="RX-1", command=late.command(seller, days=3, hours=23)) == old


def test_a_sale_sent_late_is_judged_by_who_was_on_duty_then(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    pharmacist = town.pharmacist(shop)
    evening = replace(town, now=town.now + timedelta(hours=20))
    assert check(evening, pharmacist, RX, reference="RX-1", command=evening.command(pharmacist, hours=19))
    late = evening.command(pharmacist, hours=1)
    assert refused(evening, Conflict, pharmacist, RX, reference="RX-2", command=late) == "prescription"


def test_a_pharmacist_reviews_on_the_clerks_device_with_the_own_password(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    clerk = town.colleague(shop, Role.CLERK)
    with town.store.writing() as session:
        card = create_person(
            session, sign_in="yaoshi", name="王药师", password="ten letters", role=Role.PHARMACIST,
            organisation_id=shop.organisation, now=town.now,
        )  # fmt: skip
        pharmacist = find_actor(session, card["id"])
    assert pharmacist is not None
    said = {"reference": "RX-3", "pharmacist": Agreement("yaoshi", "ten letters")}
    assert "on duty" in str(town.refuses(Conflict, review, town.command(clerk), **said))
    town.register(shop, pharmacist)
    wrong = {**said, "pharmacist": Agreement("yaoshi", "other letters")}
    assert town.refuses(Invalid, review, town.command(clerk), **wrong)
    assert town.do(review, town.command(clerk), **said)["name"] == "王药师"
    assert town.refuses(Conflict, review, town.command(clerk), reference="RX-4")
    assert town.count(prescription) == 1


def test_a_key_names_who_reviewed(town: Town) -> None:
    shop = town.organisation(K.PHARMACY, role=Role.PHARMACIST)
    on, off = town.pharmacist(shop), town.pharmacist(shop, on_duty=False)
    assert refused(town, Invalid, shop, RX, reference="RX-1") == "reviewed_by"
    for nobody in (town.id_of_person(off), "0" * 26):
        assert refused(town, Conflict, shop, RX, reference="RX-1", reviewed_by=nobody) == "reviewed_by"
        assert town.refuses(Conflict, review, town.command(shop), reference="RX-1", reviewed_by=nobody)
    assert check(town, shop, RX, reference="RX-1", reviewed_by=town.id_of_person(on))
    clerks = replace(shop, role=Role.CLERK)
    assert refused(town, Conflict, clerks, RX, reference="RX-2", reviewed_by=town.id_of_person(on)) == "reviewed_by"


def test_another_pharmacys_pharmacists_and_reviews_count_for_nothing_here(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    town.do(review, town.command(town.pharmacist(other)), reference="RX-1")
    assert refused(town, Conflict, shop, RX, reference="RX-1") == "prescription"
    pharmacist = town.pharmacist(shop)
    assert refused(town, Conflict, shop, RX, reference="RX-1") == "prescription"
    assert check(town, pharmacist, RX, reference="RX-1")
    assert town.count(prescription) == 2


def test_a_prescription_is_neither_of_tomorrow_nor_too_old(town: Town) -> None:
    pharmacist = town.pharmacist(town.organisation(K.PHARMACY))
    for days_ago in (-1, 4):
        said = {"reference": "RX-1", "prescribed_on": town.day(days_ago)}
        assert town.refuses(Invalid, review, town.command(pharmacist), **said).field == "prescribed_on"
    for days_ago in (3, 0):
        said = {"reference": f"RX-{days_ago}", "prescribed_on": town.day(days_ago)}
        done = town.do(review, town.command(pharmacist), **said)
        assert done["prescribed_on"] == town.day(days_ago).isoformat()


def test_counters_and_a_pharmacist_with_one_prescription_at_once_make_one_review(town: Town) -> None:
    pharmacist = town.pharmacist(town.organisation(K.PHARMACY))

    def act(number: int) -> int | None:
        if number % 2:
            return check(town, pharmacist, RX, reference="RX-1")
        town.do(review, town.command(pharmacist), reference="RX-1")
        return None

    with ThreadPoolExecutor(8) as pool:
        numbers = {number for number in pool.map(act, range(8)) if number is not None}
    assert (len(numbers), town.count(prescription)) == (1, 1)


def test_what_needs_a_prescription_is_the_rule_books_to_say_and_a_review_is_kept_five_years(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    platform = town.organisation(K.PLATFORM, role=Role.PLATFORM_ADMINISTRATOR)
    value = {"prescriptions": ["rx"]}
    town.do(
        write_rule, town.command(platform), name="review.reference", value=value, effective_from=town.day(0),
        source="SAMR", confidence=Confidence.SEEN, reason="a test", everywhere=True,
    )  # fmt: skip
    assert refused(town, Conflict, shop, OTC_A) == "prescription"  # nobody on duty
    pharmacist = town.pharmacist(shop)
    assert check(town, shop, OTC_A) is None
    assert refused(town, Invalid, shop, OTC_A, RX) == "prescription"
    check(town, pharmacist, RX, reference="RX-1")
    with town.store.reading() as session:
        assert session.scalar(prescription.select().with_only_columns(prescription.c.keep_until)) == date(2031, 11, 24)
