"""The address of a certificate is recognised, and nothing else is taken for one."""

from decimal import Decimal

import pytest

from trace.domain.codes import CodeKind, parse_code
from trace.domain.commitment import certificate_id_of, quantity_text

ID = "0123456789abcdefghjkmnpqrs"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"https://trace.example/c/{ID}", ID),
        (f"HTTP://TRACE.EXAMPLE:8080/C/{ID.upper()}", ID),
        (f"https://trace.example/sub/c/{ID}?lang=en", ID),
        (f" https://trace.example/c/{ID}/ ", ID),
        (f"https://trace.example/c/{ID}0", None),
        (f"https://trace.example/c/{ID[:-1]}", None),
        (f"https://trace.example/t/{ID}", None),
        (f"https://trace.example/?x=/c/{ID}", None),
        (f"https://trace.example/c/{'i' * 26}", None),
        (ID, None),
    ],
)
def test_only_the_address_of_a_certificates_page_names_one(text: str, found: str | None) -> None:
    assert certificate_id_of(text) == found
    if found:
        assert parse_code(text).kind is CodeKind.CERTIFICATE_QR


def test_a_quantity_is_written_as_on_the_printed_forms() -> None:
    assert quantity_text(Decimal("40.500"), "KGM") == "40.5 kg"
    assert quantity_text(Decimal("1E+2"), "EA") == "100 件"
