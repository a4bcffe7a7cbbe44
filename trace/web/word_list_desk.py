"""What the values and fields of the supermarket's desk are called: suppliers, recalls, self-checks, imports."""

from trace.domain.failures import N_

DESK_WORDS: dict[str, str] = {
    # how sure we are of a rule's source
    "L": N_("Read in the law's text"),
    "S": N_("Seen second-hand"),
    "M": N_("From memory"),
    "H": N_("House rule"),
}
DESK_FIELDS: dict[str, str] = {}
