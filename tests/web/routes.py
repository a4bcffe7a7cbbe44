"""Who may ask which route, written out: a route that is not here fails `test_access`, whatever its mark says."""

from trace.domain.digital_links import QUALIFIERS

API = "/api/v1"
CLERK, PHARMACIST, ADMINISTRATOR = "clerk", "pharmacist", "organisation_administrator"
INSPECTOR, AUDITOR, PLATFORM = "inspector", "auditor", "platform_administrator"
SHOP = frozenset({CLERK, PHARMACIST, ADMINISTRATOR})
WATCHERS = frozenset({INSPECTOR, AUDITOR})
ALL = SHOP | WATCHERS | {PLATFORM}
BUSINESS = ALL - {PLATFORM}
HEAD = frozenset({ADMINISTRATOR})
MANAGERS = frozenset({ADMINISTRATOR, PLATFORM})
PUBLIC = ALL | {None}
EPCIS = "/epcis/v2"
# Who may, route by route, written out: a route that is not here fails the test, whatever its mark says.
MAY: dict[tuple[str, str], frozenset[str | None]] = {
    ("GET", f"{API}/me"): ALL,
    ("GET", f"{API}/organisations"): ALL,
    ("POST", f"{API}/organisations"): frozenset({PLATFORM}),
    ("GET", f"{API}/organisations/<string:public_id>"): ALL,
    ("GET", f"{API}/organisations/<string:public_id>/history"): BUSINESS,
    ("POST", f"{API}/licences"): MANAGERS,
    ("GET", f"{API}/places"): ALL,
    ("POST", f"{API}/places"): MANAGERS,
    ("GET", f"{API}/people"): MANAGERS,
    ("POST", f"{API}/people"): MANAGERS,
    ("DELETE", f"{API}/people/<string:public_id>"): MANAGERS,
    ("GET", f"{API}/keys"): MANAGERS,
    ("POST", f"{API}/keys"): MANAGERS,
    ("DELETE", f"{API}/keys/<string:prefix>"): MANAGERS,
    ("GET", f"{API}/products"): BUSINESS,
    ("POST", f"{API}/products"): SHOP,
    ("PUT", f"{API}/products/<string:public_id>/discontinued"): SHOP,
    **{
        ("POST", f"{API}/hops/{hop}"): SHOP
        for hop in (
            "commission", "process", "pack", "unpack", "ship", "return", "sell", "take-back", "hold", "release",
            "destroy", "sample",
        )
    },
    ("GET", f"{API}/expected"): BUSINESS,
    ("POST", f"{API}/deliveries/propose"): SHOP,
    ("POST", f"{API}/deliveries/look"): SHOP,
    ("POST", f"{API}/receipts"): SHOP,
    ("GET", f"{API}/receipts"): BUSINESS,
    ("GET", f"{API}/receipts/<string:public_id>"): BUSINESS,
    ("GET", f"{API}/stock"): BUSINESS,
    ("GET", f"{API}/disposals"): BUSINESS,
    ("GET", f"{API}/lots/label.svg"): SHOP,
    ("GET", f"{API}/lots/label.png"): SHOP,
    ("POST", f"{API}/commitment-certificates"): SHOP,
    ("POST", f"{API}/commitment-certificates/<string:public_id>/revocation"): SHOP,
    ("GET", f"{API}/commitment-certificates/<string:public_id>/label.pdf"): SHOP,
    ("GET", f"{API}/commitment-certificates/<string:public_id>/a4.pdf"): SHOP,
    ("POST", f"{API}/certificates"): SHOP,
    ("GET", f"{API}/certificates"): BUSINESS,
    ("GET", f"{API}/certificates/<string:public_id>"): BUSINESS,
    ("PATCH", f"{API}/certificates/<string:public_id>"): SHOP,
    ("POST", f"{API}/certificates/<string:public_id>/lots"): SHOP,
    ("GET", f"{API}/certificates/due"): BUSINESS,
    ("GET", f"{API}/exports/targets"): frozenset({ADMINISTRATOR}),
    ("POST", f"{API}/exports/targets/<string:kind>"): frozenset({ADMINISTRATOR}),
    ("POST", f"{API}/exports/targets/<string:public_id>/files"): frozenset({ADMINISTRATOR}),
    ("GET", f"{API}/exports/files"): frozenset({ADMINISTRATOR}),
    ("GET", f"{API}/exports/files/<string:public_id>"): frozenset({ADMINISTRATOR}),
    ("GET", f"{API}/exports/files/<string:public_id>/content"): frozenset({ADMINISTRATOR}),
    ("POST", f"{API}/exports/files/<string:public_id>/send"): frozenset({ADMINISTRATOR}),
    ("POST", f"{API}/exports/files/<string:public_id>/settlement"): frozenset({ADMINISTRATOR}),
    ("GET", f"{API}/exports/insurance-codes"): frozenset({ADMINISTRATOR}),
    ("POST", f"{API}/exports/insurance-codes"): frozenset({ADMINISTRATOR}),
    **dict.fromkeys(
        (
            ("GET", f"{API}/jobs"),
            ("GET", f"{API}/jobs/<int:number>"),
            ("POST", f"{API}/jobs/<int:number>/retry"),
            ("POST", f"{API}/jobs/<int:number>/end"),
            ("GET", "/jobs"),
            ("POST", "/jobs/<int:number>/retry"),
            ("POST", "/jobs/<int:number>/end"),
        ),
        MANAGERS,
    ),
    **dict.fromkeys(
        (
            ("GET", "/exports"),
            ("POST", "/exports/make"),
            ("GET", "/exports/targets/<string:kind>"),
            ("POST", "/exports/targets/<string:kind>"),
            ("GET", "/exports/files/<string:public_id>"),
            ("GET", "/exports/files/<string:public_id>/content"),
            ("POST", "/exports/files/<string:public_id>/send"),
            ("POST", "/exports/files/<string:public_id>/settle"),
            ("GET", "/exports/insurance-codes"),
            ("POST", "/exports/insurance-codes"),
        ),
        frozenset({ADMINISTRATOR}),
    ),
    ("GET", "/papers"): BUSINESS,
    ("POST", "/papers"): SHOP,
    ("GET", "/papers/<string:public_id>"): BUSINESS,
    ("POST", "/papers/<string:public_id>"): SHOP,
    ("POST", "/papers/<string:public_id>/lots"): SHOP,
    ("POST", f"{API}/scans"): SHOP | {INSPECTOR},
    ("GET", f"{API}/scans/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", f"{API}/scans/<string:public_id>/picture"): SHOP | {INSPECTOR},
    ("GET", f"{API}/codes"): BUSINESS,
    ("POST", f"{API}/objects"): SHOP | {INSPECTOR},
    ("GET", f"{API}/objects/<string:sha256>"): BUSINESS,
    ("POST", f"{API}/dispensings"): SHOP,
    ("POST", f"{API}/dispensings/returns"): SHOP,
    ("GET", f"{API}/dispensings/check"): SHOP,
    ("GET", f"{API}/drug-sales"): SHOP,
    ("GET", f"{API}/drug-sales/<string:public_id>"): SHOP,
    ("GET", f"{API}/drug-sales/<string:public_id>/receipt.pdf"): SHOP,
    ("POST", f"{API}/drug-sales/<string:public_id>/returns"): SHOP,
    ("GET", f"{API}/split-packs"): SHOP,
    **{("GET", f"{start}/alerts"): BUSINESS for start in ("", API)},
    **{("POST", f"{start}/alerts/<int:number>/settlement"): SHOP | {INSPECTOR} for start in ("", API)},
    ("GET", f"{API}/recalls"): BUSINESS,
    ("GET", f"{API}/recalls/reach"): BUSINESS,
    ("GET", f"{API}/recalls/<string:public_id>"): BUSINESS,
    **{
        ("POST", f"{API}/recalls{tail}"): SHOP | {INSPECTOR}
        for tail in (
            "",
            *(f"/<string:public_id>/{act}" for act in ("lifting", "closing", "search")),
        )
    },
    **{
        ("POST", f"{API}/recalls/<string:public_id>/{act}"): SHOP for act in ("acknowledgement", "return-to-sale")
    },
    ("POST", f"{API}/rapid-tests"): SHOP,
    ("GET", f"{API}/rapid-tests"): BUSINESS,
    ("POST", f"{API}/rapid-tests/<string:public_id>/retest"): SHOP,
    ("GET", "/recalls"): BUSINESS,
    ("GET", "/recalls/new"): SHOP | {INSPECTOR},
    ("POST", "/recalls/new"): SHOP | {INSPECTOR},
    ("GET", "/recalls/<string:public_id>"): BUSINESS,
    ("POST", "/recalls/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", "/recalls/<string:public_id>/notice.pdf"): BUSINESS,
    ("GET", "/tests"): BUSINESS,
    ("POST", "/tests"): SHOP,
    ("POST", "/tests/<string:public_id>/retest"): SHOP,
    ("GET", f"{API}/trace"): BUSINESS,
    ("GET", f"{API}/search"): BUSINESS,
    ("GET", f"{API}/events/<path:event_id>"): BUSINESS,
    ("GET", f"{API}/imports"): SHOP,
    ("POST", f"{API}/imports"): SHOP,
    ("GET", f"{API}/imports/<string:public_id>"): SHOP,
    ("POST", f"{API}/imports/<string:public_id>/store"): SHOP,
    ("GET", "/imports"): SHOP,
    ("POST", "/imports"): SHOP,
    ("GET", "/imports/templates/<string:kind>.xlsx"): SHOP,
    ("GET", "/imports/<string:public_id>"): SHOP,
    ("GET", "/imports/<string:public_id>/report.csv"): SHOP,
    ("POST", "/imports/<string:public_id>/store"): SHOP,
    ("GET", f"{API}/suppliers"): BUSINESS,
    ("POST", f"{API}/suppliers"): SHOP,
    ("GET", f"{API}/suppliers/<string:public_id>"): BUSINESS,
    **{("POST", f"{API}/suppliers/<string:public_id>/{part}"): SHOP for part in ("changes", "licences", "check")},
    ("GET", f"{API}/blocks"): BUSINESS,
    ("POST", f"{API}/blocks"): frozenset({INSPECTOR}),
    ("POST", f"{API}/blocks/<string:public_id>/lift"): frozenset({INSPECTOR}),
    ("GET", "/suppliers"): BUSINESS,
    ("GET", "/suppliers/new"): SHOP,
    ("POST", "/suppliers/new"): SHOP,
    ("GET", "/suppliers/<string:public_id>"): BUSINESS,
    ("POST", "/suppliers/<string:public_id>"): SHOP,
    ("POST", "/suppliers/<string:public_id>/licences"): SHOP,
    ("POST", "/suppliers/<string:public_id>/check"): SHOP,
    ("GET", "/inspector/blocks"): frozenset({INSPECTOR}),
    ("POST", "/inspector/blocks"): frozenset({INSPECTOR}),
    ("POST", "/inspector/blocks/<string:public_id>/lift"): frozenset({INSPECTOR}),
    ("GET", f"{API}/look-ups"): frozenset({AUDITOR}),
    ("GET", f"{API}/public/trace"): PUBLIC,
    ("GET", f"{API}/openapi.json"): PUBLIC,
    ("GET", f"{API}/epcis-event.schema.json"): PUBLIC,
    ("GET", f"{API}/docs"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/t/<path:text>"): PUBLIC,
    ("GET", "/c/<string:public_id>"): PUBLIC,
    ("GET", "/c/<string:public_id>/signature"): PUBLIC,
    ("GET", "/board/<string:public_id>"): PUBLIC,
    ("GET", "/board/<string:public_id>/<string:dish>.jpg"): PUBLIC,
    ("GET", "/canteen"): SHOP,
    ("POST", "/canteen"): SHOP,
    ("GET", "/certificates/issue"): SHOP,
    ("POST", "/certificates/issue"): SHOP,
    ("GET", "/certificates/issued"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>"): SHOP,
    ("POST", "/certificates/issued/<string:public_id>"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/label"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/label.pdf"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/a4.pdf"): SHOP,
    **{("GET", f"/{key}/<path:rest>"): PUBLIC for key in QUALIFIERS},
    ("GET", "/.well-known/gs1resolver"): PUBLIC,
    **{
        ("GET", f"{EPCIS}/{resource}{tail}"): BUSINESS
        for resource in ("eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions")
        for tail in ("", "/<path:value>", "/<path:value>/events")
    },
    ("GET", f"{EPCIS}/"): BUSINESS,
    ("GET", f"{EPCIS}/capture"): SHOP,
    ("POST", f"{EPCIS}/capture"): SHOP,
    ("GET", f"{EPCIS}/capture/<string:capture_id>"): SHOP,
    ("GET", f"{EPCIS}/events"): BUSINESS,
    ("POST", f"{EPCIS}/events"): SHOP,
    ("GET", f"{EPCIS}/events/<path:event_id>"): BUSINESS,
    ("DELETE", f"{EPCIS}/nextPageToken/<path:token>"): BUSINESS,
    ("GET", f"{EPCIS}/queries"): BUSINESS,
    ("POST", f"{EPCIS}/queries"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>"): BUSINESS,
    ("DELETE", f"{EPCIS}/queries/<string:name>"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>/events"): BUSINESS,
    ("GET", f"{EPCIS}/queries/<string:name>/subscriptions"): SHOP,
    ("POST", f"{EPCIS}/queries/<string:name>/subscriptions"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>/subscriptions/<string:subscription_id>"): SHOP,
    ("DELETE", f"{EPCIS}/queries/<string:name>/subscriptions/<string:subscription_id>"): SHOP,
    ("GET", "/language/<string:chosen>"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/health/live"): PUBLIC,
    ("GET", "/health/ready"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("GET", "/sign-in"): PUBLIC,
    ("GET", "/account"): ALL,
    ("GET", "/more"): ALL,
    ("GET", "/station/balance"): SHOP,
    ("GET", "/station/balance/table.xlsx"): SHOP,
    ("GET", "/checks"): SHOP,
    ("GET", "/checks/<string:kind>/<string:day>"): BUSINESS,
    ("POST", "/checks/<string:kind>/<string:day>"): SHOP,
    ("GET", "/checks/<string:kind>/<string:day>/print.pdf"): BUSINESS,
    ("GET", f"{API}/checks"): SHOP,
    ("GET", f"{API}/checks/<string:kind>/<string:day>"): SHOP,
    ("POST", f"{API}/checks/<string:kind>/<string:day>/signature"): SHOP,
    **{("GET", f"{start}/rules{tail}"): ALL for start in ("", API) for tail in ("", "/<string:name>")},
    **{("POST", f"{start}/rules"): MANAGERS for start in ("", API)},
    ("GET", "/rules/new"): MANAGERS,
    ("GET", "/evidence"): SHOP,
    ("GET", f"{API}/lots/evidence.zip"): SHOP,
    **{("GET", f"/records{tail}"): BUSINESS for tail in ("", "/table.csv", "/table.xlsx", "/print.pdf")},
    ("GET", "/records/<string:public_id>/print.pdf"): BUSINESS,
    **{("GET", f"{API}/records{tail}"): BUSINESS for tail in ("", ".csv", ".xlsx")},
    ("GET", "/counter"): SHOP,
    ("POST", "/counter"): SHOP,
    ("GET", "/counter/repack"): SHOP,
    ("POST", "/counter/repack"): SHOP,
    ("POST", f"{API}/sales"): SHOP,
    ("POST", f"{API}/repacking"): SHOP,
    ("GET", "/scan"): SHOP | {INSPECTOR},
    ("POST", "/scan"): SHOP | {INSPECTOR},
    ("GET", "/scan/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", "/scan/<string:public_id>/picture"): SHOP | {INSPECTOR},
    ("GET", "/station"): SHOP,
    ("POST", "/station/scan"): SHOP | {INSPECTOR},
    ("GET", "/station/receive"): SHOP,
    ("POST", "/station/receive"): SHOP,
    ("GET", "/station/receipts/<string:public_id>"): BUSINESS,
    ("GET", "/station/photos/<string:sha256>"): BUSINESS,
    ("GET", "/station/stock"): SHOP,
    **{(method, f"/station/stock/{page}"): SHOP for method in ("GET", "POST") for page in ("return", "destroy")},
    ("GET", "/station/stock/disposals"): BUSINESS,
    ("POST", "/station/stock/undo"): SHOP,
    ("POST", "/station/receipts/<string:public_id>/undo"): SHOP,
    **{(method, "/station/receipts/<string:public_id>/lines/<int:line>/correct"): SHOP for method in ("GET", "POST")},
    ("POST", f"{API}/receipts/<string:public_id>/undo"): SHOP,
    ("POST", f"{API}/receipts/<string:public_id>/lines/<int:line>/correction"): SHOP,
    ("GET", "/station/label"): SHOP,
    ("POST", "/station/stock"): SHOP,
    ("GET", "/pharmacy"): SHOP,
    ("POST", "/pharmacy"): SHOP,
    **{("GET", f"/pharmacy/sales{tail}"): SHOP
       for tail in ("", "/open-packs", "/<string:public_id>", "/<string:public_id>/print.pdf", "/print.pdf",
                    "/table.csv", "/table.xlsx")},
    **{("GET", f"{API}/{tail}"): SHOP for tail in ("prices", "drug-sales.csv", "drug-sales.xlsx")},
    ("GET", "/pharmacy/prices"): SHOP,
    **{("POST", path): frozenset({PHARMACIST, ADMINISTRATOR}) for path in ("/pharmacy/prices", f"{API}/prices")},
    ("POST", "/pharmacy/sales/<string:public_id>/return"): SHOP,
    # zones and their climate
    **{("GET", f"{API}/{tail}"): SHOP for tail in ("zones", "climate", "temperature-logs/<string:public_id>")},
    ("GET", f"{API}/zones/<string:public_id>"): BUSINESS,
    **{
        ("POST", f"{API}/{tail}"): SHOP
        for tail in (
            "zones", "climate/readings", "temperature-logs",
            *(f"zones/<string:public_id>/{act}" for act in ("changes", "closing", "readings", "actions")),
        )
    },
    ("GET", "/climate"): SHOP,
    **{("POST", f"/climate/{tail}"): SHOP for tail in ("readings", "zones")},
    **{("GET", f"/climate/<string:public_id>{tail}"): BUSINESS for tail in ("", "/table.csv", "/print.pdf")},
    **{("POST", f"/climate/<string:public_id>/{act}"): SHOP for act in ("readings", "actions", "changes")},
    # stock care
    **{
        ("GET", f"{API}/{tail}"): SHOP
        for tail in (
            "care/expiring", "care/due", "care/checks", "quarantine", "stocktakes", "stocktakes/<string:public_id>",
            "recalls/<string:public_id>/codes",
        )
    },
    **{
        ("POST", f"{API}/{tail}"): SHOP
        for tail in (
            "care/checks", "quarantine", "stocktakes", "stocktakes/<string:public_id>/counts",
            "stocktakes/<string:public_id>/closing",
        )
    },
    **{
        ("GET", f"/{tail}"): SHOP
        for tail in (
            "care", "care/checks", "care/quarantine", "stocktaking", "stocktaking/<string:public_id>",
            "stocktaking/<string:public_id>/result",
        )
    },
    **{
        ("POST", f"/{tail}"): SHOP
        for tail in (
            "care/apart", "care/checks", "care/quarantine", "stocktaking", "stocktaking/<string:public_id>",
            "stocktaking/<string:public_id>/result",
        )
    },
    **{
        ("GET", f"{API}/{things}"): SHOP
        for things in ("orders", "orders/<string:public_id>", "acceptances", "acceptances/<string:public_id>")
    },
    ("GET", f"{API}/acceptances/<string:public_id>/record"): SHOP,
    ("GET", f"{API}/acceptances/<string:public_id>/lines/<int:line>/codes"): SHOP,
    **{
        ("POST", f"{API}/{act}"): SHOP
        for act in ("orders", "orders/<string:public_id>/cancellation", "acceptances", "acceptances/whole")
    },
    **{
        ("POST", f"{API}/acceptances/<string:public_id>/{act}"): SHOP
        for act in ("codes", "left-out", "apart", "lines", "changes", "identifiers", "acceptance", "cancellation")
    },
    **{
        (method, f"/{page}"): SHOP
        for method in ("GET", "POST")
        for page in (
            "orders", "acceptance", "acceptance/<string:public_id>", "acceptance/<string:public_id>/check",
        )
    },
    ("GET", "/acceptance/<string:public_id>/record.pdf"): SHOP,
    ("POST", "/orders/<string:public_id>/cancellation"): SHOP,
    **{("GET", f"{API}/chain{tail}"): HEAD for tail in ("", "/stock", "/shops/<string:public_id>/stock")},
    **{("POST", f"{API}/chain/{act}"): HEAD for act in ("moves", "deliveries")},
    **{("GET", f"/chain{tail}"): HEAD for tail in ("", "/stock", "/move", "/shops/<string:public_id>")},
    ("POST", "/chain/shops/<string:public_id>/work"): HEAD,
    ("POST", "/chain/move"): HEAD,
    ("POST", "/chain/leave"): ALL,
    **{("GET", f"{start}/drugs{tail}"): BUSINESS for start in ("", API) for tail in ("", "/<string:public_id>")},
    **{("POST", f"{API}/{path}"): SHOP for path in (
        "drugs", "drugs/<string:public_id>/changes", "drugs/<string:public_id>/check",
        "drugs/<string:public_id>/identifiers", "drugs/<string:public_id>/identifiers/correct",
    )},
    **{("POST", f"/drugs/<string:public_id>{tail}"): SHOP for tail in (
        "", "/check", "/identifiers", "/identifiers/correct",
    )},
    **{(method, f"/drugs/{page}"): SHOP for method in ("GET", "POST") for page in ("new", "relations")},
    ("GET", "/drugs/relations/<string:public_id>"): SHOP,
    ("POST", f"{API}/codes/read"): BUSINESS,
    **{(method, f"{API}/code-relations"): SHOP for method in ("GET", "POST")},
    ("GET", f"{API}/code-relations/<string:public_id>"): SHOP,
    **{("GET", f"{API}/{things}"): SHOP for things in ("duty", "pharmacists", "prescriptions")},
    **{("POST", f"{API}/{act}"): frozenset({PHARMACIST}) for act in (
        "duty", "duty/end", "prescriptions", "prescriptions/<string:public_id>/image",
    )},
    ("POST", f"{API}/pharmacists"): MANAGERS,
    ("GET", "/pharmacy/duty"): SHOP,
    **{("POST", f"/pharmacy/duty/{act}"): frozenset({PHARMACIST}) for act in ("take", "end")},
    ("POST", "/pharmacy/duty/reviews"): SHOP,
    ("GET", "/pharmacy/duty/prescriptions/<string:public_id>/image"): frozenset({PHARMACIST}),
    ("POST", "/pharmacy/duty/registrations"): MANAGERS,
    **{("GET", f"{start}/<string:public_id>{tail}"): PUBLIC for start, tail in (
        ("/w", ""), ("/w", "/check"), ("/w", "/door"),
        (f"{API}/public/windows", ""), (f"{API}/public/windows", "/check"),
    )},
    **{(method, path): HEAD for method in ("GET", "POST") for path in ("/pharmacy/window", f"{API}/public-window")},
    **{("GET", f"{start}/inspections"): BUSINESS for start in ("", API)},
    **{("POST", f"{start}/inspections"): frozenset({INSPECTOR}) for start in ("", API)},
    ("GET", "/inspector"): BUSINESS,
    ("POST", "/inspector/scan"): SHOP | {INSPECTOR},
    ("GET", "/inspector/organisations/<string:public_id>"): BUSINESS,
    ("GET", "/inspector/organisations/<string:public_id>/care"): BUSINESS,
    **{(method, "/chain/delivery"): HEAD for method in ("GET", "POST")},
    ("GET", "/inspector/trace"): BUSINESS,
    ("GET", "/inspector/log"): frozenset({AUDITOR}),
}  # fmt: skip
# Public, but only with the token of our own form: `test_signing_in_and_out_needs_the_token_of_our_form`.
WITH_TOKEN = {("POST", "/sign-in"), ("POST", "/sign-out")}
