"""What the values and fields of the pharmacy are called: drug file, acceptance, counter, care, duty, window."""

from trace.domain.failures import N_

PHARMACY_WORDS: dict[str, str] = {
    # duty, inspections
    "pharmacist_registration": N_("Registration of the pharmacist"),
    "outcome_passed": N_("Passed"),
    "outcome_to_correct": N_("To be corrected"),
    "outcome_failed": N_("Not passed"),
}
PHARMACY_FIELDS: dict[str, str] = {}
