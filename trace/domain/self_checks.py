"""日管控、周排查、月调度: the self-checks of a food business, filled from what was recorded, signed by a person.

企业落实食品安全主体责任监督管理规定 (SAMR order 60): a daily record, a weekly report, a monthly meeting. What is
looked at is the list of risk points (风险管控清单), an entry of the rule book.
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from trace.domain.rules.book import Rules


class CheckKind(StrEnum):
    """The three self-checks."""

    DAILY = "daily"  # 日管控: 《每日食品安全检查记录》
    WEEKLY = "weekly"  # 周排查: 《每周食品安全排查治理报告》
    MONTHLY = "monthly"  # 月调度: 《每月食品安全调度会议纪要》


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """One line of the list: answered from the records (`source` names the count), or ticked by the person who signs."""

    code: str
    area: str
    source: str  # "" where a person has to look
    basis: str


def period_of(kind: CheckKind, day: date) -> tuple[date, date]:
    """The first and last day of the check a day belongs to: itself, its week from Monday, its month."""
    if kind is CheckKind.DAILY:
        return day, day
    if kind is CheckKind.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def risk_points(rules: Rules) -> list[RiskPoint]:
    """The list in force on the day of these rules, in its order."""
    return [
        RiskPoint(point["code"], point["area"], point.get("source", ""), point.get("basis", ""))
        for point in rules.value("self_check.points")
    ]


def answer_points(
    points: Sequence[RiskPoint], counts: Mapping[str, int], problems: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each point with its answer: `ok`, or what is wrong: so many cases on record, or what the person wrote down."""
    answered = []
    for point in points:
        cases = counts.get(point.source, 0) if point.source else 0
        said = problems.get(point.code, "").strip()
        answered.append(
            {
                "code": point.code,
                "area": point.area,
                "basis": point.basis,
                "from_records": bool(point.source),
                "cases": cases,
                "problem": said,
                "ok": cases == 0 and not said,
            }
        )
    return answered
