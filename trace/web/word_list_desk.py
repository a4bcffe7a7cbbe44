"""What the values and fields of the supermarket's desk are called: suppliers, recalls, self-checks, imports."""

from trace.domain.failures import N_

DESK_WORDS: dict[str, str] = {
    # how sure we are of a rule's source
    "confidence_L": N_("Read in the law's text"),
    "confidence_S": N_("Seen second-hand"),
    "confidence_M": N_("From memory"),
    "confidence_H": N_("House rule"),
    # alerts, and what the shop does about them
    "todo_second_sale": N_("Keep the box apart and tell the inspector."),
    "recall_notice": N_("Recall notice"),
    "todo_recall_notice": N_("Take the goods off the shelf and answer the notice."),
    "recall_arrival": N_("Recalled goods arrived"),
    "todo_recall_arrival": N_("Keep the goods apart; send them back or destroy them."),
}
DESK_FIELDS: dict[str, str] = {}
