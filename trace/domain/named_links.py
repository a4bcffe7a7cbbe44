"""GS1 Digital Links of the first editions, which named their keys in letters (`/gtin/09506000134352/ser/1`).

Digital Link 1.0 and 1.1 had these names; 1.2 took them away, but printed labels and stored links live on. Only keys
with a check digit are read like that: it tells a link from a web address that has such a word in its path.
"""

import re

_NAMES = {
    "cpv": "22",
    "gcn": "255",
    "gdti": "253",
    "gln": "414",
    "glnx": "254",
    "grai": "8003",
    "gsin": "402",
    "gsrn": "8018",
    "gsrnp": "8017",
    "gtin": "01",
    "itip": "8006",
    "lot": "10",
    "party": "417",
    "ser": "21",
    "sscc": "00",
}
_NAMED = re.compile(
    r"(https?://[^/?#]+(?:/[^?#]*?)?)/(gcn|gdti|gln|grai|gsin|gsrnp?|gtin|itip|party|sscc)(/[0-9].*)", re.DOTALL
)


def numbered(address: str) -> str:
    """A link that names its keys with their numbers instead; any other address as it is."""
    match = _NAMED.match(address)
    if match is None:
        return address
    parts = match[3].split("/")
    parts[2::2] = [_NAMES.get(name, name) for name in parts[2::2]]
    return f"{match[1]}/{_NAMES[match[2]]}{'/'.join(parts)}"
