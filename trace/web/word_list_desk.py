"""What the values and fields of the supermarket's desk are called: suppliers, recalls, self-checks, imports."""

from trace.domain.failures import N_

DESK_WORDS: dict[str, str] = {
    # how sure we are of a rule's source
    "confidence_L": N_("Read in the law's text"),
    "confidence_S": N_("Seen second-hand"),
    "confidence_M": N_("From memory"),
    "confidence_H": N_("House rule"),
}
DESK_FIELDS: dict[str, str] = {}
