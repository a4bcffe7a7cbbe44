"""What the values and fields of the pharmacy are called: drug file, acceptance, counter, care, duty, window."""

from trace.domain.failures import N_

PHARMACY_WORDS: dict[str, str] = {
    # acceptance, orders
    "absent": N_("Did not come"),
    "order_received": N_("Received"),
    "order_cancelled": N_("Taken back"),
    "use_in_stock": N_("In stock here already"),
    "use_sold": N_("Sold here"),
    "use_sold_elsewhere": N_("Sold by another pharmacy"),
    "use_other_acceptance": N_("In another acceptance that is going on"),
    # duty, inspections
    "pharmacist_registration": N_("Registration of the pharmacist"),
    "outcome_passed": N_("Passed"),
    "outcome_to_correct": N_("To be corrected"),
    "outcome_failed": N_("Not passed"),
    # stock care: how drugs are stored, why a lot is looked at more often, what was seen, why goods are kept apart
    "storage_room": N_("Room temperature"),
    "storage_cool": N_("Cool place"),
    "storage_cold": N_("Refrigerated"),
    "care_storage": N_("Spoils easily"),
    "care_drug_class": N_("Special kind"),
    "care_near_expiry": N_("Near expiry"),
    "care_open_packs": N_("Open pack"),
    "looked_good": N_("In order"),
    "looked_held": N_("In doubt"),
    "apart_hold": N_("Kept apart"),
    "apart_recall": N_("Hold or recall"),
    "apart_arrival": N_("On arrival"),
    "apart_brought_back": N_("Brought back by a customer"),
    "apart_found": N_("Found at a stock-taking"),
    # stock-taking: how a count stands against the books, what to do about it, what a scan says
    "stock_missed": N_("Not found when stock was taken"),
    "stock_found": N_("Found when stock was taken"),
    "stocktake_agreed": N_("Agree"),
    "stocktake_missing": N_("Missing"),
    "stocktake_surplus": N_("Surplus"),
    "stocktake_strange": N_("Strange"),
    "stocktake_moved": N_("Moved meanwhile"),
    "todo_stocktake_missing": N_("Look for it again before you close."),
    "todo_stocktake_surplus": N_("More than in the books: it is booked in and kept apart."),
    "todo_stocktake_strange": N_("It never came here by the books: record its delivery, or keep it apart."),
    "todo_stocktake_moved": N_("It moved while stock was taken: count it again."),
    "todo_stocktake_sold": N_("By the books it is sold: take it back at the counter, or look at the code again."),
    "todo_stocktake_sent": N_("By the books it was sent to others: receive it, or look at the code again."),
    "todo_stocktake_returned": N_("By the books it went back to the supplier: send it, or receive it."),
    "todo_stocktake_destroyed": N_("By the books it is destroyed: keep it apart and ask who destroyed it."),
    "todo_stocktake_used": N_("By the books it is used up: keep it apart."),
    "counted_surplus": N_("is here, and by the books it is gone: keep it apart."),
    "counted_strange": N_("never came here by the books: keep it apart, and look for its delivery."),
    "asked_lot": N_("names a lot: say below how many of it there are."),
    "asked_case": N_("is a case whose content nobody recorded: scan its boxes."),
    "asked_unread": N_("could not be read as a code: scan it again."),
}
PHARMACY_FIELDS: dict[str, str] = {}
