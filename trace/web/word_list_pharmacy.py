"""What the values and fields of the pharmacy are called: drug file, acceptance, counter, care, duty, window."""

from trace.domain.failures import N_

PHARMACY_WORDS: dict[str, str] = {
    # why a pack is sold without a trace code (医保发〔2025〕7号)
    "no_code_old_stock": N_("Old stock without codes"),
    "no_code_exempt": N_("Exempt: herbal pieces and granules"),
    "no_code_unreadable": N_("Code cannot be read"),
}
PHARMACY_FIELDS: dict[str, str] = {}
