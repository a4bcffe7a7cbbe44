"""What generated requests seldom get through to: whoever adds an operation here says why."""

# Operations that generated requests seldom get through: a photo is no lucky find, nor is a pack that was just sold.
SELDOM = {
    # The administrator's key is a supermarket's, which exports nothing; and no free text is a kind of target.
    "GET /api/v1/exports/targets",
    "GET /api/v1/exports/files",
    "POST /api/v1/exports/targets/{kind}",
    "POST /api/v1/exports/targets/{public_id}/files",
    "GET /api/v1/exports/files/{public_id}",
    "GET /api/v1/exports/files/{public_id}/content",
    "POST /api/v1/exports/files/{public_id}/send",
    "POST /api/v1/exports/files/{public_id}/settlement",
    "POST /api/v1/exports/insurance-codes",
    # Nothing of the supermarket's failed.
    "GET /api/v1/jobs/{number}",
    "POST /api/v1/jobs/{number}/retry",
    "POST /api/v1/jobs/{number}/end",
    "POST /api/v1/scans",
    "POST /api/v1/objects",
    "GET /api/v1/scans/{public_id}",
    "GET /api/v1/scans/{public_id}/picture",
    "POST /api/v1/dispensings/returns",
    "GET /api/v1/drug-sales/{public_id}",  # of what was sold by generated requests: seldom
    "GET /api/v1/drug-sales/{public_id}/receipt.pdf",
    "POST /api/v1/drug-sales/{public_id}/returns",
    "POST /api/v1/prices",  # prices are left out of seasoned bodies: of what is not in a sale they are refused there
    "DELETE /api/v1/people/{public_id}",
    "PUT /api/v1/products/{public_id}/discontinued",  # most products are others'
    "GET /api/v1/recalls/{public_id}",
    "GET /api/v1/recalls/{public_id}/codes",
    "GET /api/v1/stocktakes/{public_id}",  # the own ones only
    "POST /api/v1/stocktakes/{public_id}/counts",
    "POST /api/v1/stocktakes/{public_id}/closing",
    *(
        f"POST /api/v1/recalls/{{public_id}}/{act}"
        for act in ("acknowledgement", "lifting", "closing", "return-to-sale", "search")
    ),
    "POST /api/v1/rapid-tests/{public_id}/retest",
    "POST /api/v1/receipts/{public_id}/undo",  # of the last seconds only
    "POST /api/v1/receipts/{public_id}/lines/{line}/correction",
    "POST /api/v1/commitment-certificates/{public_id}/revocation",
    "GET /api/v1/commitment-certificates/{public_id}/label.pdf",
    "GET /api/v1/commitment-certificates/{public_id}/a4.pdf",
    "POST /api/v1/imports",
    "POST /api/v1/code-relations",
    "GET /api/v1/code-relations/{public_id}",
    "POST /api/v1/drugs/{public_id}/check",  # takes every item of the list
    "POST /api/v1/drugs/{public_id}/changes",  # most drugs are others'
    "POST /api/v1/drugs/{public_id}/identifiers/correct",
    "GET /api/v1/imports/{public_id}",
    "POST /api/v1/imports/{public_id}/store",
    "POST /api/v1/blocks/{public_id}/lift",
    "POST /api/v1/checks/{kind}/{day}/signature",  # a person signs, no key
    "GET /api/v1/chain/shops/{public_id}/stock",  # few are shops of a chain
    "POST /api/v1/chain/moves",
    "POST /api/v1/chain/deliveries",
    *(  # a registration, a duty, a window come first; an inspection is of a business of the region
        f"POST /api/v1/{act}"
        for act in (
            "duty",
            "duty/end",
            "pharmacists",
            "prescriptions",
            "prescriptions/{public_id}/image",
            "public-window",
            "inspections",
        )
    ),
    *(f"GET /api/v1/public/windows/{{public_id}}{tail}" for tail in ("", "/check")),
    "POST /api/v1/rules",  # a value has the shape of its entry
    "POST /api/v1/orders",
    "POST /api/v1/orders/{public_id}/cancellation",  # ends the one there is
    "POST /api/v1/acceptances",
    "POST /api/v1/acceptances/whole",
    "GET /api/v1/acceptances/{public_id}/record",
    "GET /api/v1/acceptances/{public_id}/lines/{line}/codes",
    *(
        f"POST /api/v1/acceptances/{{public_id}}/{act}"
        for act in ("apart", "lines", "changes", "identifiers", "acceptance", "cancellation")
    ),
    # bounds that the rule book allows, a moment when something was out of range, a logger's file
    "POST /api/v1/zones",
    "GET /api/v1/zones/{public_id}",
    *(f"POST /api/v1/zones/{{public_id}}/{act}" for act in ("changes", "closing", "readings", "actions")),
    "POST /api/v1/climate/readings",
    "POST /api/v1/temperature-logs",
    "GET /api/v1/temperature-logs/{public_id}",
}
