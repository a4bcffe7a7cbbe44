"""EPC URNs of Digital Links: only where the company prefix is known, and back again the same."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.checks import check_digit
from trace.domain.epc_urns import as_epc_urn
from trace.domain.uris import canonical_uri

GS1 = "https://id.gs1.org"
# GS1's examples use the company prefix 0614141; the URNs are written as TDS 2.0 section 6.3 has them.
PAIRS = [
    (f"{GS1}/01/10614141073464/21/2017", "urn:epc:id:sgtin:0614141.107346.2017"),
    (f"{GS1}/01/10614141073464/10/A%2F1", "urn:epc:class:lgtin:0614141.107346.A%2F1"),
    (f"{GS1}/01/10614141073464/235/T1", "urn:epc:id:upui:0614141.107346.T1"),
    (f"{GS1}/01/10614141073464", "urn:epc:idpat:sgtin:0614141.107346.*"),
    (f"{GS1}/00/106141412345678908", "urn:epc:id:sscc:0614141.1234567890"),
    (f"{GS1}/414/0614141000005", "urn:epc:id:sgln:0614141.00000.0"),
    (f"{GS1}/414/0614141000005/254/32a%2Fb", "urn:epc:id:sgln:0614141.00000.32a%2Fb"),
    (f"{GS1}/417/0614141000005", "urn:epc:id:pgln:0614141.00000"),
    (f"{GS1}/8003/00614141000005A%2B1", "urn:epc:id:grai:0614141.00000.A+1"),
    (f"{GS1}/8003/00614141000005", "urn:epc:idpat:grai:0614141.00000.*"),
    (f"{GS1}/8004/06141415.PQ4", "urn:epc:id:giai:0614141.5.PQ4"),
    (f"{GS1}/401/0614141xyz4.7", "urn:epc:id:ginc:0614141.xyz4.7"),
    (f"{GS1}/402/06141411234567890", "urn:epc:id:gsin:0614141.123456789"),
    (f"{GS1}/253/0614141000005X1", "urn:epc:id:gdti:0614141.00000.X1"),
    (f"{GS1}/253/0614141000005", "urn:epc:idpat:gdti:0614141.00000.*"),
    (f"{GS1}/255/0614141000005047", "urn:epc:id:sgcn:0614141.00000.047"),
    (f"{GS1}/255/0614141000005", "urn:epc:idpat:sgcn:0614141.00000.*"),
    (f"{GS1}/8018/061414112345678902", "urn:epc:id:gsrn:0614141.1234567890"),
    (f"{GS1}/8017/061414112345678902", "urn:epc:id:gsrnp:0614141.1234567890"),
    (f"{GS1}/8010/06141415%231%2FA/8011/12", "urn:epc:id:cpi:0614141.5%231%2FA.12"),
    (f"{GS1}/8010/06141415PQ7", "urn:epc:idpat:cpi:0614141.5PQ7.*"),
    (f"{GS1}/8006/106141410734640102/21/9.8", "urn:epc:id:itip:0614141.107346.01.02.9.8"),
    (f"{GS1}/8006/106141410734640102", "urn:epc:idpat:itip:0614141.107346.01.02.*"),
]


@pytest.mark.parametrize(("link", "urn"), PAIRS, ids=[urn for _, urn in PAIRS])
def test_a_digital_link_and_its_urn_name_one_key(link: str, urn: str) -> None:
    assert as_epc_urn(link) == urn
    assert canonical_uri(urn) == link


@pytest.mark.parametrize(
    "uri",
    [
        f"{GS1}/01/01401234567892/21/1",  # GS1 has given nobody a prefix that begins with 140
        f"{GS1}/01/10614141073465/21/2017",  # its check digit is wrong, and a URN has none
        f"{GS1}/01/10614141073464/10/批号1",
        f"{GS1}/01/10614141073464/10/%E6%89%B9",
        f"{GS1}/01/10614141073464/21/{'1' * 21}",
        f"{GS1}/01/00000095012346/21/1",
        f"{GS1}/8004/0614",
        f"{GS1}/8004/0614141",
        f"{GS1}/8010/0614141a",
        f"{GS1}/8010/06141415/8011/007",
        f"{GS1}/8006/106141410734640102/10/L",
        "https://example.com/01/10614141073464/21/2017",
        "https://id.sunshine-trace.example/product/class/1",
        "urn:epc:id:sgtin:0614141.107346.2017",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "",
    ],
)
def test_what_has_no_urn_stays_as_it_is(uri: str) -> None:
    assert as_epc_urn(uri) == uri


DIGITS = st.text(string.digits, min_size=13, max_size=17)
SERIALS = st.text("".join(map(chr, range(0x21, 0x7F))) + "番%.", min_size=1, max_size=22)


def links(digits: str, serial: str) -> list[str]:
    """URNs of every scheme over the same company prefix of seven digits."""
    prefix, five, six = digits[:7], digits[7:12], digits[7:13]
    written = "".join(c if c.isalnum() and c.isascii() else f"%{byte:02X}" for c in serial for byte in c.encode())
    return [
        f"urn:epc:id:sgtin:{prefix}.{six}.{written}",
        f"urn:epc:class:lgtin:{prefix}.{six}.{written}",
        f"urn:epc:id:upui:{prefix}.{six}.{written}",
        f"urn:epc:id:itip:{prefix}.{six}.01.02.{written}",
        f"urn:epc:idpat:sgtin:{prefix}.{six}.*",
        f"urn:epc:id:sscc:{prefix}.{digits[:10]}",
        f"urn:epc:id:sgln:{prefix}.{five}.{written}",
        f"urn:epc:id:pgln:{prefix}.{five}",
        f"urn:epc:id:grai:{prefix}.{five}.{written}",
        f"urn:epc:id:giai:{prefix}.{written}",
        f"urn:epc:id:ginc:{prefix}.{written}",
        f"urn:epc:id:gsin:{prefix}.{digits[:9]}",
        f"urn:epc:id:gdti:{prefix}.{five}.{written}",
        f"urn:epc:id:gsrn:{prefix}.{digits[:10]}",
        f"urn:epc:id:gsrnp:{prefix}.{digits[:10]}",
        f"urn:epc:id:cpi:{prefix}.{five}.7",
        f"urn:epc:idpat:cpi:{prefix}.{five}.*",
    ]


@given(DIGITS, SERIALS)
def test_whatever_becomes_a_urn_comes_back_as_the_same_digital_link(digits: str, serial: str) -> None:
    for urn in links(digits, serial):
        link = canonical_uri(urn)
        again = as_epc_urn(link)
        assert again == link or again.startswith("urn:epc:")
        assert canonical_uri(again) == link


@given(st.text(string.digits, min_size=5, max_size=5), SERIALS)
def test_a_known_prefix_makes_a_urn_of_everything_an_element_string_can_say(five: str, serial: str) -> None:
    gtin = "0614141" + five
    link = canonical_uri("urn:epc:class:lgtin:0614141.0" + five + "." + "".join(f"%{b:02X}" for b in serial.encode()))
    told = serial.isascii() and len(serial) <= 20 and not set(serial) & set("#$@[\\]^`{|}~")
    assert (as_epc_urn(link) != link) == told
    assert f"/01/0{gtin}{check_digit(gtin)}/10/" in link
