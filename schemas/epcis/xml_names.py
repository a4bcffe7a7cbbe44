"""Namespaces of EPCIS XML, and which names and characters XML can carry at all."""

import re

from trace.domain.epcis.document import NAMESPACE

EPCIS = {"2.0": "urn:epcglobal:epcis:xsd:2", "1.2": "urn:epcglobal:epcis:xsd:1"}
QUERY = {"2.0": "urn:epcglobal:epcis-query:xsd:2", "1.2": "urn:epcglobal:epcis-query:xsd:1"}
MASTER_DATA = {"2.0": "urn:epcglobal:epcis-masterdata:xsd:2", "1.2": "urn:epcglobal:epcis-masterdata:xsd:1"}
SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
XML = "http://www.w3.org/XML/1998/namespace"
XMLNS = "http://www.w3.org/2000/xmlns/"
PROBLEM = "urn:ietf:rfc:7807"  # RFC 7807 appendix A
JSON = f"{NAMESPACE}json/"  # of our marks for what JSON has and XML has not, see xml_values

# In XML the namespace of CBV's master data attributes ends without the colon that the CURIE of the context needs.
CBVMDA_IN_XML = "urn:epcglobal:cbv:mda"

_START = "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
_START += "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
_NAME = re.compile(f"[{_START}][-.0-9\u00b7\u0300-\u036f\u203f\u2040{_START}]*")
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_name(text: str) -> bool:
    """Whether a text can be the prefix or the local name of an element or attribute (an NCName of XML 1.0)."""
    return _NAME.fullmatch(text) is not None


def is_text(text: str) -> bool:
    """Whether XML 1.0 can carry a text: no control characters but tab and line ends, no lone surrogates."""
    return text.isprintable() or _NO_CHARACTER.search(text) is None  # the first is quick, and nearly always enough


def legible(text: str) -> str:
    """The text with U+FFFD for every character that XML 1.0 cannot carry; for what people read, not for data."""
    return _NO_CHARACTER.sub("\ufffd", text)
