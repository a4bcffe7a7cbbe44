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
    "certificate_revoked": N_("Certificate revoked"),
    "todo_certificate_revoked": N_("The goods lack their certificate: ask the issuer for a new one before selling them."),
    # commitment certificates
    "certificate_valid": N_("Valid"),
    "certificate_replaced": N_("Replaced by a later certificate"),
    "basis_control": N_("Quality and safety controls meet the requirements"),
    "basis_self_test": N_("Own test passed"),
    "basis_commissioned_test": N_("Commissioned test passed"),
    "form_producer": N_("Form 1, for producers:"),
    "form_purchaser": N_("Form 2, for purchasers who mix or re-pack:"),
}
DESK_FIELDS: dict[str, str] = {
    # what the record of a purchase, of a destruction, of a correction must say (R1, R14, R16)
    "product_name": N_("Name of the goods"),
    "unit": N_("Unit"),
    "supplier_name": N_("Supplier's name"),
    "supplier_address": N_("Supplier's address"),
    "supplier_contact": N_("Supplier's telephone"),
    "specification": N_("Specification"),
    "shelf_life_days": N_("Days of shelf life"),
    "method": N_("Method"),
    "place": N_("Place"),
    "witness": N_("Witness"),
    "photo": N_("Photo"),
    "who": N_("Who"),
    "why": N_("Why"),
    "device": N_("Device"),
    "basis": N_("Basis of the commitment"),
    "statement_accepted": N_("Statement"),
    "signature": N_("Signature"),
    "region": N_("Origin (county)"),
    "drawn": N_("Signature"),
}
