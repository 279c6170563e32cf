"""What is written about metrics: every one, as it is, under names that others expect."""

from __future__ import annotations

import re
from pathlib import Path

from axion_bus.telemetry import catalogue
from axion_bus.telemetry.catalogue import Kind
from axion_bus.telemetry.reference import MARKER, main, markdown

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs/metrics.md").read_text("utf-8")
RULES = (ROOT / "config/prometheus/axion-bus.rules.yml").read_text("utf-8")


def test_the_reference_is_up_to_date():
    prose, _, generated = DOCS.partition(MARKER)

    assert markdown() + "\n" == generated, "run: python -m axion_bus.telemetry.reference docs/metrics.md"
    assert "## Every metric" in prose


def test_writing_the_reference_keeps_what_stands_above_it(tmp_path):
    file = tmp_path / "metrics.md"
    file.write_text(f"# Prose\n{MARKER}old\n")

    main(file)

    assert file.read_text() == f"# Prose\n{MARKER}{markdown()}\n"


def test_every_metric_is_in_the_catalogue_once_and_shown(scrape):
    names = [each.name for each in catalogue.ALL]
    shown = [name for name in scrape().families if not name.startswith("axion_process_")]

    assert sorted(names) == sorted(shown)


def test_what_the_operating_system_tells_is_documented_name_by_name(scrape):
    shown = {name for name in scrape().families if name.startswith("axion_process_")}

    assert shown == set(re.findall(r"`(axion_process_\w+)`", DOCS))


def test_names_follow_the_rules_of_prometheus():
    wrong = []
    for each in catalogue.ALL:
        has_total = each.name.endswith("_total")
        is_said = re.fullmatch(r"axion_[a-z]+(_[a-z]+)*", each.name) and each.help.endswith(".")
        has_unit = each.kind is not Kind.HISTOGRAM or each.name.endswith(("_seconds", "_messages"))
        if not is_said or not has_unit or has_total is not (each.kind is Kind.COUNTER):
            wrong.append(each.name)

    assert wrong == []


def test_bounds_belong_to_histograms_and_grow():
    for each in catalogue.ALL:
        assert bool(each.bounds) is (each.kind is Kind.HISTOGRAM)
        assert list(each.bounds) == sorted(set(each.bounds))


def test_no_label_is_without_bound():
    allowed = {"version", "python", "source", "outcome", "fault", "channel", "status", "severity", "bus", "reason", "error"}

    assert {label for each in catalogue.ALL for label in each.labels} <= allowed


def test_every_alert_of_the_rules_has_a_line_that_says_what_to_do():
    alerts = re.findall(r"- alert: (\w+)", RULES)

    assert sorted(alerts) == sorted(set(re.findall(r"`(AxionBus\w+)`", DOCS)))
