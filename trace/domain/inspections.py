"""Inspections by the regulator: what they end in, and the risk grades."""

from enum import StrEnum


class Outcome(StrEnum):
    """What an inspection ended in."""

    PASSED = "passed"
    TO_CORRECT = "to_correct"
    FAILED = "failed"


class Grade(StrEnum):
    """Risk grades (食品生产经营监督检查管理办法 Art. 21), A the least risk."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
