"""Under which heading of the page an entry of the rule book stands."""

from trace.domain.failures import N_

# (anchor, title, beginnings of names), in the order of the working day; an entry stands under the longest that fits.
THEMES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("record", N_("What the record of a purchase says"), ("fields.",)),
    (
        "papers",
        N_("Papers that come with the goods"),
        ("papers.", "ended_form.", "carcass_papers", "paper_", "commitment"),
    ),
    (
        "suppliers",
        N_("Suppliers"),
        ("licence.", "business_block", "first_check.", "first_delivery.", "identifier_doubt"),
    ),
    ("acceptance", N_("Acceptance at a pharmacy"), ("acceptance.",)),
    ("accepting", N_("Accepting goods against a finding"), ("override.",)),
    ("temperature", N_("Temperatures"), ("temperature.", "climate.")),
    (
        "stock",
        N_("Stock and scales"),
        (
            "weighing_tolerance",
            "balance_tolerance",
            "near_expiry",
            "sales_attribution",
            "in_store_codes",
            "undo.",
            "import.",
        ),
    ),
    (
        "drugs",
        N_("Drugs"),
        (
            "trace_codes",
            "duty.",
            "review.",
            "prescription.",
            "inspection.",
            "dispensing.",
            "window.",
            "care.",
            "expiry_red.",
            "stocktaking.",
            "first_product.",
            "relation.",
            "export.",
        ),
    ),
    ("house", N_("Self-checks and canteens"), ("self_check.", "retained_sample")),
    ("safety", N_("Tests, recalls, destruction"), ("retest.", "recall.", "disposal")),
    ("keeping", N_("How long records are kept"), ("retention.", "keep.", "objects.", "correction")),
    ("jobs", N_("Work in the background"), ("job.", "trace.pauses")),
    ("days", N_("Warnings and working days"), ("expiry_warning", "calendar.")),
)
OTHERS = ("others", N_("Other rules"))
