"""Identifiers as URIs: one thing has one URI, and what is said of it can be read back."""

import re
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trace.domain import uris
from trace.domain.failures import Invalid
from trace.domain.uris import UriKind, canonical_uri, class_uri_of, lot_uri, lot_uri_of_instance, uri_kind

CLASS = "https://id.gs1.org/01/06901234567892"
DRUG_CLASS = uris.drug_class_uri("8385793")
OWN_CLASS = uris.private_uri("product", "class", "番茄.A/1")

SAME = [
    (
        f"{CLASS}/21/S9",
        [
            "urn:epc:id:sgtin:6901234.056789.S9",
            "urn:epc:id:sgtin:690123456.0789.S9",
            "urn:epc:id:sgtin:6901234.056789.S%39",
            "http://id.gs1.org/01/06901234567892/21/S9",
            "https://example.cn/some/path/01/6901234567892/21/S9/?17=270228",
            "https://id.gs1.org/01/06901234567892/10/A1/21/S9",
            "https://id.gs1.org/01/06901234567892/22/V2/10/A1/21/S9",
        ],
    ),
    (f"{CLASS}/10/A1", ["urn:epc:class:lgtin:6901234.056789.A1", "https://dl.example.cn/01/06901234567892/10/A1"]),
    (f"{CLASS}/10/A%2F1", ["urn:epc:class:lgtin:6901234.056789.A%2F1", f"{CLASS}/10/A%2f1"]),
    (f"{CLASS}/235/T1", ["urn:epc:id:upui:6901234.056789.T1"]),
    (CLASS, ["urn:epc:idpat:sgtin:6901234.056789.*", "https://id.gs1.org/01/6901234567892"]),
    ("https://id.gs1.org/00/069012340000000016", ["urn:epc:id:sscc:6901234.0000000001"]),
    ("https://id.gs1.org/8003/06901234000009A1", ["urn:epc:id:grai:6901234.00000.A1"]),
    ("https://id.gs1.org/8003/06901234000009", ["urn:epc:idpat:grai:6901234.00000.*"]),
    ("https://id.gs1.org/8004/6901234A.1", ["urn:epc:id:giai:6901234.A.1"]),
    (
        "https://id.gs1.org/414/6901234000009",
        [
            "urn:epc:id:sgln:6901234.00000.0",
            "urn:epc:id:sgln:690123400000..0",
            "https://id.gs1.org/414/6901234000009/254/0",
        ],
    ),
    ("https://id.gs1.org/414/6901234000009/254/B2", ["urn:epc:id:sgln:6901234.00000.B2"]),
    (
        "https://id.gs1.org/417/6901234000009",
        ["urn:epc:id:pgln:6901234.00000", "urn:epc:id:pgln:690123400000."],
    ),
    ("https://id.gs1.org/253/6901234000009X1", ["urn:epc:id:gdti:6901234.00000.X1"]),
    ("https://id.gs1.org/255/690123400000971", ["urn:epc:id:sgcn:6901234.00000.71"]),
    ("https://id.gs1.org/8010/6901234P1/8011/7", ["urn:epc:id:cpi:6901234.P1.7"]),
    ("https://id.gs1.org/8010/6901234P1", ["urn:epc:idpat:cpi:6901234.P1.*"]),
    ("https://id.gs1.org/253/6901234000009", ["urn:epc:idpat:gdti:6901234.00000.*"]),
    ("https://id.gs1.org/255/6901234000009", ["urn:epc:idpat:sgcn:6901234.00000.*"]),
    ("https://id.gs1.org/8006/069012345678920102/21/S.9", ["urn:epc:id:itip:6901234.056789.01.02.S.9"]),
    ("https://id.gs1.org/8006/069012345678920102", ["urn:epc:idpat:itip:6901234.056789.01.02.*"]),
    ("https://id.gs1.org/401/6901234X%2F1.2", ["urn:epc:id:ginc:6901234.X%2F1.2"]),
    ("https://id.gs1.org/402/69012341234567894", ["urn:epc:id:gsin:6901234.123456789"]),
    (
        f"{CLASS}/21/S9",
        ["https://example.cn/gtin/06901234567892/lot/A1/ser/S9?x=1", "http://id.gs1.org/gtin/06901234567892/ser/S9"],
    ),
    ("https://id.gs1.org/414/6901234000009/254/B2", ["https://example.cn/gln/6901234000009/glnx/B2"]),
]


@pytest.mark.parametrize(("uri", "others"), SAME, ids=[uri for uri, _ in SAME])
def test_all_forms_of_one_gs1_key_have_one_uri(uri: str, others: list[str]) -> None:
    assert {canonical_uri(form) for form in [uri, *others]} == {uri}


KINDS = [
    (CLASS, UriKind.CLASS),
    (f"{CLASS}/10/A1", UriKind.LOT),
    (f"{CLASS}/21/S9", UriKind.INSTANCE),
    (f"{CLASS}/235/T1", UriKind.INSTANCE),
    ("https://id.gs1.org/8006/069012345678920102", UriKind.CLASS),
    ("https://id.gs1.org/8006/069012345678920102/21/S9", UriKind.INSTANCE),
    ("https://id.gs1.org/00/069012340000000016", UriKind.CONTAINER_UNIT),
    ("https://id.gs1.org/8003/06901234000009", UriKind.CLASS),
    ("https://id.gs1.org/8003/06901234000009A1", UriKind.RETURNABLE),
    ("https://id.gs1.org/8004/6901234A1", UriKind.RETURNABLE),
    ("https://id.gs1.org/414/6901234000009", UriKind.PLACE),
    ("https://id.gs1.org/414/6901234000009/254/B2", UriKind.PLACE),
    ("https://id.gs1.org/417/6901234000009", UriKind.PARTY),
    ("https://id.gs1.org/253/6901234000009X1", UriKind.TRANSACTION),
    ("https://id.gs1.org/8018/690123400000000016", UriKind.INSTANCE),
    (uris.drug_code_uri("83857930000879766660"), UriKind.INSTANCE),
    (DRUG_CLASS, UriKind.CLASS),
    (OWN_CLASS, UriKind.CLASS),
    (lot_uri(OWN_CLASS, "批.1"), UriKind.LOT),
    (uris.ear_tag_uri("164050212345678"), UriKind.INSTANCE),
    (uris.crate_uri("K-7"), UriKind.RETURNABLE),
    (uris.place_uri("a"), UriKind.PLACE),
    (uris.party_uri("91640502MA7TE5T19M"), UriKind.PARTY),
    (uris.transaction_uri("desadv", "№ 1"), UriKind.TRANSACTION),
    ("https://partner.example.cn/a/obj/1", UriKind.INSTANCE),
    ("https://partner.example.cn/lot/1", UriKind.LOT),
    ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", UriKind.INSTANCE),
]


@pytest.mark.parametrize(("uri", "kind"), KINDS, ids=[uri for uri, _ in KINDS])
def test_a_canonical_uri_tells_what_kind_of_thing_it_names(uri: str, kind: UriKind) -> None:
    assert canonical_uri(uri) == uri
    assert uri_kind(uri) is kind


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "x",
        "https://",
        "https://id.gs1.org",
        "https://id.gs1.org/",
        "https://id.gs1.org/01",
        "https://id.gs1.org/8003",
        "https://id.gs1.org/01/abc",
        "https://id.gs1.org/01/²²²²²²²²",
        "https://id.gs1.org/00/1",
        f"{CLASS}/10",
        f"{CLASS}/99/1",
        f"{CLASS}/10/%00",
        f"{CLASS}/10/%FF",
        f"{CLASS}/10/",
        "https://id.gs1.org/8006/1",
        uris.PRIVATE + "/",
        uris.PRIVATE + "/a",
        uris.PRIVATE + "/a/obj",
        uris.PRIVATE + "/a/obj/",
        uris.PRIVATE + "//obj/1",
        uris.PRIVATE + "/a/foo/1",
        uris.PRIVATE + "/a/lot/%00",
        "https://example.com/2026/01/05",
        "https://example.com/01/20240501",
    ],
)
def test_what_is_no_identifier_names_nothing_and_stays_as_it_is(uri: str) -> None:
    assert uri_kind(uri) is UriKind.OTHER
    assert canonical_uri(uri) == uri


@pytest.mark.parametrize(
    "urn",
    [
        "urn:epc:id:sgtin:6901234.5.1",
        "urn:epc:id:sgtin:6901234.²56789.1",
        "urn:epc:id:sscc:6901234.1",
        "urn:epc:id:sgtin:..",
        "urn:epc:id:sgtin:6901234.056789.%00",
        "urn:epc:id:sgtin:6901234.056789.%FF",
        "urn:epc:id:grai:6901234.00000.",
        "urn:epc:class:lgtin:6901234.056789.",
        "urn:epc:id:sgln:a.b.c",
        "urn:epc:id:pgln:1.2",
        "urn:epc:id:pgln:6901234.",
        "urn:epc:id:sgtin:690123400000..1",
    ],
)
def test_an_epc_urn_whose_parts_do_not_fit_is_refused(urn: str) -> None:
    with pytest.raises(Invalid, match="is no EPC"):
        canonical_uri(urn)


@given(
    st.lists(
        st.sampled_from(
            [
                "https://id.gs1.org",
                uris.PRIVATE,
                "http://x.cn",
                "/01/",
                "/00/",
                "/10/",
                "/21/",
                "/lot/",
                "/obj/",
                "/class/",
                "06901234567892",
                "urn:epc:id:",
                "urn:epc:idpat:",
                "urn:epc:class:",
                "sgtin:",
                "lgtin:",
                "sscc:",
                "sgln:",
                "giai:",
                "6901234",
                "056789",
                ".",
                "*",
                "%2E",
                "%2f",
                "%",
                "%FF",
                "?",
                "#",
                "番",
            ]
        )
        | st.text(max_size=2),
        max_size=10,
    ).map("".join)
)
@example(uris.PRIVATE + "/a/lot/%2E.b%2e")
def test_the_canonical_form_is_its_own_canonical_form(uri: str) -> None:
    try:
        once = canonical_uri(uri)
    except Invalid:
        return
    assert canonical_uri(once) == once
    assert uri_kind(once) in UriKind


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
@example("A.1/2%2E(三)")
@example(".")
@example("%")
def test_a_lot_belongs_to_its_class_whatever_its_number(number: str) -> None:
    for class_uri in (CLASS, DRUG_CLASS, OWN_CLASS):
        lot = lot_uri(class_uri, number)
        assert (uri_kind(lot), class_uri_of(lot), canonical_uri(lot)) == (UriKind.LOT, class_uri, lot)


@given(st.text(alphabet="a.%2E/番", min_size=1, max_size=6), st.text(alphabet="a.%2E/番", min_size=1, max_size=6))
def test_different_lots_have_different_uris(one: str, other: str) -> None:
    classes = [uris.private_uri("product", "class", text) for text in (one, other)]
    lots = {lot_uri(c, number) for c in classes for number in (one, other)}
    assert len(lots) == len({one, other}) ** 2


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_our_identifiers_are_equal_if_they_differ_in_escapes_only(value: str) -> None:
    plain = value.translate(str.maketrans("", "", "?#/%")) or "a"
    assert canonical_uri(f"{uris.PRIVATE}/crate/obj/{plain}") == uris.crate_uri(plain)
    lower = re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), quote(plain, safe=""))
    assert canonical_uri(f"{uris.PRIVATE}/crate/obj/{lower}") == uris.crate_uri(plain)


@pytest.mark.parametrize(
    "class_uri",
    [
        f"{CLASS}/10/A1",
        f"{CLASS}/21/S9",
        "https://id.gs1.org/8003/06901234000009",
        uris.crate_uri("K-7"),
        "https://example.cn/",
    ],
)
def test_only_a_product_class_has_lots(class_uri: str) -> None:
    with pytest.raises(Invalid, match="belongs to a product class"):
        lot_uri(class_uri, "A1")


def test_a_lot_without_number_is_refused() -> None:
    with pytest.raises(Invalid, match="has a number"):
        lot_uri(CLASS, "")


def test_the_lot_of_an_instance_follows_from_its_class_and_the_number() -> None:
    assert lot_uri_of_instance(f"{CLASS}/21/S9", "A1") == f"{CLASS}/10/A1"
    assert lot_uri_of_instance(uris.drug_code_uri("83857930000879766660"), "B.1") == lot_uri(DRUG_CLASS, "B.1")
    assert lot_uri_of_instance(uris.ear_tag_uri("164050212345678"), "A1") is None
    assert lot_uri_of_instance(CLASS, "A1") is None
