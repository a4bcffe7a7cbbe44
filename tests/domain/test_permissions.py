"""Who may do what, and how much of an event somebody sees."""

from dataclasses import replace

import pytest

from trace.domain.failures import Forbidden
from trace.domain.permissions import (
    GRANTS,
    Actor,
    Permission,
    Role,
    View,
    authorize,
    in_region,
    may,
    region_prefix,
    view_of,
)

CLERK = Actor(7, "示例超市", "supermarket", "urn:example:7", "640502", Role.CLERK)

# The whole table, so that a change of a grant is a change of this test. c clerk, p pharmacist, o organisation
# administrator, i inspector, a auditor, m platform administrator.
TABLE = {
    Permission.ALERT_READ: "cpoia",
    Permission.ALERT_SETTLE: "cpoi",
    Permission.BUSINESS_BLOCK: "i",
    Permission.CARE_RECORD: "cpo",
    Permission.CERTIFICATE_ISSUE: "cpo",
    Permission.CERTIFICATE_READ: "cpoia",
    Permission.CHAIN_MANAGE: "o",
    Permission.CHECK_READ: "cpoia",
    Permission.CHECK_SIGN: "cpo",
    Permission.CODE_DISPENSE: "cpo",
    Permission.DUTY_TAKE: "p",
    Permission.EVENT_CAPTURE: "cpo",
    Permission.EVENT_READ: "cpoia",
    Permission.EXPORT_MANAGE: "o",
    Permission.GOODS_MOVE: "cpo",
    Permission.GOODS_READ: "cpoia",
    Permission.GOODS_RECEIVE: "cpo",
    Permission.INSPECTION_RECORD: "i",
    Permission.JOB_MANAGE: "om",
    Permission.KEY_MANAGE: "om",
    Permission.LOOKUP_LOG_READ: "a",
    Permission.LOT_TRACE: "cpoia",
    Permission.ORGANISATION_MANAGE: "m",
    Permission.ORGANISATION_READ: "cpoiam",
    Permission.PERSON_MANAGE: "om",
    Permission.PHOTO_SCAN: "cpoi",
    Permission.PRICE_SET: "po",
    Permission.PRODUCT_MANAGE: "cpo",
    Permission.PRODUCT_READ: "cpoia",
    Permission.QUERY_MANAGE: "cpo",
    Permission.RECALL_MANAGE: "cpoi",
    Permission.RECALL_READ: "cpoia",
    Permission.RECORD_CORRECT: "cpo",
    Permission.RULE_MANAGE: "om",
    Permission.RULE_READ: "cpoiam",
    Permission.SELF_READ: "cpoiam",
    Permission.SUPPLIER_MANAGE: "cpo",
    Permission.SUPPLIER_READ: "cpoia",
    Permission.WINDOW_MANAGE: "o",
}
LETTERS = dict(zip("cpoiam", Role, strict=True))


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("letter", LETTERS)
def test_a_role_may_exactly_what_the_table_says(letter: str, permission: Permission) -> None:
    actor = replace(CLERK, role=LETTERS[letter])
    assert may(actor, permission) is (letter in TABLE[permission])
    if may(actor, permission):
        authorize(actor, permission)
    else:
        with pytest.raises(Forbidden, match=permission.value):
            authorize(actor, permission)


def test_permissions_stand_in_alphabetical_order_and_every_role_has_grants() -> None:
    assert [p.name for p in Permission] == sorted(p.name for p in Permission)
    assert set(GRANTS) == set(Role)


def test_the_platform_administrator_may_see_no_business_data() -> None:
    business = {"alert", "certificate", "code", "event", "goods", "lookup_log", "lot", "photo", "product"}
    assert not business & {permission.value.split(":")[0] for permission in GRANTS[Role.PLATFORM_ADMINISTRATOR]}


def test_those_who_watch_change_nothing_but_by_the_orders_of_an_inspector() -> None:
    changing = {p for p in Permission if not p.value.endswith((":read", ":trace", ":scan"))}
    assert GRANTS[Role.INSPECTOR] & changing == {
        Permission.ALERT_SETTLE,
        Permission.BUSINESS_BLOCK,
        Permission.INSPECTION_RECORD,
        Permission.RECALL_MANAGE,
    }
    assert not GRANTS[Role.AUDITOR] & changing


@pytest.mark.parametrize(
    ("region", "mandate", "inside"),
    [
        ("640502", "640502", True),
        ("640502", "640500", True),
        ("640502", "640000", True),
        ("640502", "640100", False),
        ("640502", "640521", False),
        ("640502", "610000", False),
        ("640500", "640502", False),
        ("640500", "640500", True),
        ("654002", "654000", True),
        ("650502", "650500", True),
        ("640502", "650500", False),
        ("640510", "640500", True),
        ("640520", "640520", True),
        ("640521", "640520", False),
        ("110101", "100000", False),
        ("640502", "", False),
        ("640502", "000000", False),
    ],
)
def test_a_region_lies_in_its_city_and_its_province_only(region: str, mandate: str, inside: bool) -> None:
    assert in_region(region, mandate) is inside


@pytest.mark.parametrize(
    ("mandate", "prefix"),
    [("640000", "64"), ("640500", "6405"), ("640502", "640502"), ("500000", "50"), ("620520", "620520")],
)
def test_a_mandates_prefix_has_two_four_or_six_digits(mandate: str, prefix: str) -> None:
    assert region_prefix(mandate) == prefix


@pytest.mark.parametrize(
    ("role", "organisation", "region", "view"),
    [
        (Role.CLERK, 7, "640502", View.FULL),
        (Role.CLERK, 8, "640502", View.PUBLIC),
        (Role.PHARMACIST, 7, "640502", View.FULL),
        (Role.ORGANISATION_ADMINISTRATOR, 8, "640502", View.PUBLIC),
        (Role.INSPECTOR, 9, "640500", View.FULL),
        (Role.INSPECTOR, 9, "640000", View.FULL),
        (Role.INSPECTOR, 9, "640100", View.PUBLIC),
        (Role.INSPECTOR, 7, "640100", View.PUBLIC),
        (Role.AUDITOR, 9, "640500", View.FULL),
        (Role.PLATFORM_ADMINISTRATOR, 7, "640502", View.PUBLIC),
    ],
)
def test_a_party_sees_all_an_inspector_sees_the_region_others_the_poorer_view(
    role: Role, organisation: int, region: str, view: View
) -> None:
    actor = replace(CLERK, role=role, organisation=organisation, region=region)
    assert view_of(actor, {7: "640502", 3: "610100"}) is view


def test_the_public_sees_the_poorer_view() -> None:
    assert view_of(None, {7: "640502"}) is View.PUBLIC
    assert view_of(CLERK, {}) is View.PUBLIC
