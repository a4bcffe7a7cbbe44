"""The alerts of deploy/: whoever is woken by one is told in Chinese first, and finds what to do."""

import re
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.recipe import DEPLOY
from tests.deploy.test_files import call, or_skip
from trace.domain.jobs import JobState

FILE, TRIED = DEPLOY / "sunshine-alerts.yml", ROOT / "tests" / "deploy" / "alerts.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(FILE.read_text("utf-8"))["groups"] for rule in group["rules"]
]
SERIES = r"(?:sunshine|process)_\w+|\bup\b"


def matched(label: str) -> set[str]:
    """The words that the rules ask for in a label."""
    words = re.findall(rf'\b{label}=~?"([^"]+)"', " ".join(rule["expr"] for rule in RULES))
    return {word for some in words for word in some.split("|")}


def test_prometheus_takes_the_alerts_and_they_fire_when_they_should() -> None:
    program = or_skip("promtool")
    assert f"SUCCESS: {len(RULES)} rules found" in call(program, "check", "rules", FILE)
    assert "SUCCESS" in call(program, "test", "rules", TRIED)
    assert "SUCCESS" in call(program, "check", "config", "--syntax-only", DEPLOY / "prometheus.yml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_in_chinese_and_english_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert list(rule["annotations"]) == ["summary", "description", "runbook"], "Chinese first"
    assert re.match("阳光追溯：.*[\u4e00-\u9fff]", rule["annotations"]["summary"])
    assert not re.search("[\u3000-\u9fff]", rule["annotations"]["description"])
    page, _, section = rule["annotations"]["runbook"].partition("#")
    (told,) = re.findall(
        rf"(?ims)^#+ {section.replace('-', ' ')}$(.*?)(?:^#|\Z)", (ROOT / page).read_text(encoding="utf-8")
    )
    assert f"`{rule['alert']}`" in told


def test_every_alert_is_tried_and_every_one_that_is_told_of_is_there() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) > 10
    tried = [case for test in yaml.safe_load(TRIED.read_text("utf-8"))["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in tried if case["exp_alerts"]} == set(names)
    assert {case["alertname"] for case in tried if not case["exp_alerts"]} == set(names), "and keeps still"
    told = set(re.findall(r"`(Sunshine[A-Z]\w+)`", (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")))
    assert told == set(names)


def test_an_alert_asks_for_nothing_but_figures_by_labels_that_there_are() -> None:
    for rule in RULES:
        bare = re.sub(r"\{[^}]*\}|\[\w+\]|\b(?:by|on|offset) (?:\([^)]*\)|\w+)", " ", rule["expr"])
        words = set(re.findall(r"\b[a-z]\w*\b(?!\()", bare)) - {"or", "and", "unless", "sum", "max"}
        assert words == set(re.findall(SERIES, bare)), rule["alert"]
    assert matched("state") <= set(JobState)
    source = "".join(
        path.read_text("utf-8") for folder in ("trace", "storage") for path in (ROOT / folder).rglob("*.py")
    )
    assert [name for name in matched("event") if f'log.error("{name}"' not in source] == []


def test_prometheus_reads_the_alerts_of_the_job_and_the_parts_that_it_asks() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert config["rule_files"] == [FILE.name]
    (job,) = config["scrape_configs"]
    assert matched("job") == {job["job_name"]}
    assert matched("part") <= {one["labels"]["part"] for one in job["static_configs"]}
