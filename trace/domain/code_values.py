"""What a scanned or typed text can be, as values: the kinds of code, and a code with what it says."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trace.domain.checks import IdentifierWarning


class CodeKind(StrEnum):
    """What a text is."""

    GTIN = "gtin"
    LGTIN = "lgtin"  # GTIN with a lot
    SGTIN = "sgtin"  # GTIN with a serial number
    SSCC = "sscc"
    GRAI = "grai"
    GIAI = "giai"
    GLN = "gln"
    DRUG_TRACE_CODE = "drug_trace_code"
    EAR_TAG = "ear_tag"
    IN_STORE = "in_store"
    SCALE_LABEL = "scale_label"
    CIRCULATION_CODE = "circulation_code"
    NATIONAL_DRUG_CODE = "national_drug_code"
    USCC = "uscc"
    LICENCE = "licence"
    CERTIFICATE_QR = "certificate_qr"
    OWN_LINK = "own_link"  # an identifier of this service
    URL = "url"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """A text and what it names.

    `uri` is the thing itself (None for a text that names none), `class_uri` its product class, `lot_uri` the lot it
    names or belongs to. Amounts come from GS1 application identifiers; what the digits of an in-store code mean is the
    shop's own affair (`plu`, `measure`: five digits each, of an 8-digit one six digits of `plu`; by the shop's profile
    (`in_store_codes`) they are an `amount` in kg and a `price` in yuan). A code that names nothing
    may still tell lot, serial and dates: of what it stands beside.
    """

    kind: CodeKind
    text: str
    uri: str | None = None
    class_uri: str | None = None
    lot_uri: str | None = None
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    amount: Decimal | None = None
    unit: str | None = None
    drug_identifier: str | None = None
    plu: str | None = None
    measure: str | None = None
    price: Decimal | None = None
    warnings: tuple[IdentifierWarning, ...] = ()
