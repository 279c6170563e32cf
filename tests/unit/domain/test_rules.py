"""Conditions, titles and grouping as they are written in the configuration; and which rule an alert meets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.alert import Severity
from axion_bus.domain.rules import choose, default_rule, parse_field, parse_matcher, parse_title
from tests.builders import a_rule, an_alert

ALERT = an_alert(
    "API slow",
    source="web-1",
    package="DATABASE",
    severity="HIGH",
    description="p95 is 5 s\nsince noon",
    dedup_key="api",
    labels={"env": "prod", "team": "", "app.kubernetes.io/name": "api"},
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("package = DATABASE", True),
        ("package = database", False),
        ("package = 'DATABASE'", True),
        ('package = "DATABASE "', False),
        ("package=DATABASE", True),
        ("  package   =   DATABASE  ", True),
        ("title = API slow", True),
        ("dedup_key = api", True),
        ("labels.env = prod", True),
        ("labels.env=prod", True),
        ("labels.app.kubernetes.io/name = api", True),
        ("labels.absent = ''", True),
        ("labels.team = ''", True),
        ("package != DATABASE", False),
        ("package != CACHE", True),
        ("labels.env != test", True),
        ("labels.absent != test", True),
        ("source =~ web-[0-9]+", True),
        ("source =~ web", False),
        ("source =~ eb-1", False),
        ("source =~ WEB-.*", False),
        ("description =~ .*since.*", True),
        ("source !~ test-.*", True),
        ("source !~ web-.*", False),
        ("labels.absent =~ .*", True),
        ("package in (DATABASE, CACHE)", True),
        ("package in(DATABASE,CACHE)", True),
        ("package in DATABASE, CACHE", True),
        ("package in (CACHE)", False),
        ("title in ('API slow', \"a, b\")", True),
        ("labels.absent in ('', x)", True),
        ("labels.env exists", True),
        ("labels.team exists", True),
        ("labels.absent exists", False),
        ("dedup_key exists", True),
        ("severity = HIGH", True),
        ("severity = high", True),
        ("severity = LOW", False),
        ("severity != HIGH", False),
        ("severity != LOW", True),
        ("severity > MEDIUM", True),
        ("severity > HIGH", False),
        ("severity >= HIGH", True),
        ("severity >= CRITICAL", False),
        ("severity in (HIGH, CRITICAL)", True),
        ("severity in (LOW, MEDIUM)", False),
        ("status = firing", True),
        ("status = FIRING", True),
        ("status = resolved", False),
        ("status != resolved", True),
    ],
)
def test_a_condition_holds_as_it_is_written(condition, expected):
    assert expected is parse_matcher(condition).test(ALERT)


def test_a_comma_within_quotes_separates_nothing():
    matcher = parse_matcher("title in ('a, b', c)")

    assert [True, True, False] == [matcher.test(an_alert(title)) for title in ("a, b", "c", "a")]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("", "field operator value"),
        ("package", "= != =~ !~ in > >= exists"),
        ("package == DATABASE", "= != =~ !~ in > >= exists"),
        ("severity => HIGH", "= != =~ !~ in > >= exists"),
        ("severity < HIGH", "= != =~ !~ in > >= exists"),
        ("package ~ DATABASE", "= != =~ !~ in > >= exists"),
        ("labels.x-in prod", "= != =~ !~ in > >= exists"),
        ("1package = x", "not a condition"),
        ("color = red", "title, source, package, severity, status, description, dedup_key, labels.<name>"),
        ("labels. = red", "labels.<name>"),
        ("label.env = red", "labels.<name>"),
        ("package =", "needs a value"),
        ("package in ()", "at least one value"),
        ("package in (A, B", "one parenthesis"),
        ("package =~ [", "not a regular expression"),
        ("package > A", "severities only"),
        ("package >= A", "severities only"),
        ("labels.env exists now", "takes no value"),
        ("severity = LOUD", "LOW, MEDIUM, HIGH, CRITICAL"),
        ("severity in (HIGH, LOUD)", "LOW, MEDIUM, HIGH, CRITICAL"),
        ("severity =~ HIGH", "allowed: = != > >= in"),
        ("severity exists", "allowed: = != > >= in"),
        ("status = broken", "firing, resolved"),
        ("status =~ f.*", "allowed: = !="),
    ],
)
def test_a_condition_that_cannot_be_read_says_what_is_allowed(condition, reason):
    with pytest.raises(ValueError, match=reason):
        parse_matcher(condition)


PIECES = ("package", "severity", "status", "labels.", "x", "=", "!", "~", ">", "in", "exists", "(", ")", ",", "'", " ", "HIGH", "[")


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_any_text_is_a_condition_or_a_fault_and_nothing_else(text):
    with suppress(ValueError):
        assert parse_matcher(text).test(ALERT) in {True, False}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Database trouble", "Database trouble"),
        ("{package} on {labels.env}", "DATABASE on prod"),
        ("{severity} {status} {source} {dedup_key}", "HIGH firing web-1 api"),
        ("[{labels.absent}]", "[]"),
        ("{{package}}", "{package}"),
        ("{labels.app.kubernetes.io/name}", "api"),
    ],
)
def test_a_title_puts_the_values_of_the_alert_in_the_places_of_their_names(template, expected):
    assert expected == parse_title(template).render(ALERT)


def test_a_value_that_looks_like_a_placeholder_is_left_as_it_is():
    assert parse_title("{title}").render(an_alert("{source} {0.__class__}")) == "{source} {0.__class__}"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{color}", "title, source, package"),
        ("{}", "title, source, package"),
        ("{0}", "title, source, package"),
        ("{title.__class__}", "title, source, package"),
        ("{title[0]}", "stand alone"),
        ("{labels.x[0]}", "stand alone"),
        ("{title!r}", "stand alone"),
        ("{title:>9999999999}", "stand alone"),
        ("{title", "expected '}'"),
        ("title}", "Single '}'"),
    ],
)
def test_a_title_takes_plain_placeholders_only(template, reason):
    with pytest.raises(ValueError, match=reason):
        parse_title(template)


@pytest.mark.parametrize("name", ["titel", "labels", "labels.", "Title", ""])
def test_alerts_are_grouped_by_known_fields_only(name):
    with pytest.raises(ValueError, match=r"known: title, source, .*labels\.<name>"):
        parse_field(name)


def test_alerts_that_agree_in_the_grouping_have_one_key():
    rule = a_rule(group_by=("package", "labels.cluster"))
    key = rule.correlation_key(an_alert("one", source="a", labels={"cluster": "x"}))

    assert key == rule.correlation_key(an_alert("two", source="b", severity="LOW", labels={"cluster": "x", "host": "h"}))
    assert key != rule.correlation_key(an_alert("one", source="a", labels={"cluster": "X"}))
    assert key != rule.correlation_key(an_alert("one", source="a"))


def test_two_rules_never_share_a_key():
    assert a_rule("one").correlation_key(ALERT) != a_rule("two").correlation_key(ALERT)


def test_the_built_in_rule_groups_by_package_and_title_whatever_the_source():
    rule = default_rule()
    key = rule.correlation_key(an_alert(source="a"))

    assert key == rule.correlation_key(an_alert(source="b"))
    assert key != rule.correlation_key(an_alert("API down", source="a"))
    assert key != rule.correlation_key(an_alert(source="a", package="CACHE"))
    assert rule.create_at is Severity.HIGH


def test_the_first_rule_that_matches_is_the_alerts_rule():
    rules = (a_rule("cache", ("package = CACHE",)), a_rule("one", ("package = DATABASE",)), a_rule("two"), default_rule())

    assert rules[1] == choose(rules, ALERT)[0]


def test_every_condition_of_a_rule_has_to_hold():
    rules = (a_rule("both", ("package = DATABASE", "severity >= CRITICAL")), default_rule())

    assert choose(rules, ALERT)[0].name == "default"


def test_the_labels_that_tell_alerts_apart_are_those_that_their_rule_groups_by():
    rules = (a_rule(group_by=("title", "labels.host", "labels.env")), default_rule())

    assert choose(rules, ALERT)[1] == ("env", "host")


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ("severity >= CRITICAL", "web"),
        ("severity >= HIGH", "other"),
        ("status = resolved", "web"),
        ("status = firing", "other"),
        ("description =~ .*down.*", "web"),
        ("description =~ .*since.*", "other"),
    ],
)
def test_so_do_those_of_a_rule_that_matches_when_the_same_alert_changes(condition, chosen):
    rules = (a_rule("other", (condition,), ("labels.host",)), a_rule("web", (), ("labels.env",)), default_rule())

    rule, labels = choose(rules, ALERT)

    assert (chosen, ("env", "host")) == (rule.name, labels)


def test_the_order_of_the_grouping_does_not_matter_to_them():
    names = [f"labels.{letter}" for letter in "hgfedcba"]

    assert choose((a_rule(group_by=tuple(names)),), ALERT)[1] == tuple("abcdefgh")


def test_but_not_those_of_a_rule_for_other_alerts_or_behind_one_that_always_matches():
    rules = (
        a_rule("other", ("package = CACHE", "severity >= LOW"), ("labels.host",)),
        a_rule("web", ("package = DATABASE",), ("labels.env",)),
        a_rule("behind", ("severity >= LOW",), ("labels.team",)),
        default_rule(),
    )

    assert choose(rules, ALERT)[1] == ("env",)


def test_rules_without_a_catch_all_are_a_fault():
    with pytest.raises(LookupError, match="match every alert"):
        choose((a_rule("cache", ("package = CACHE",)),), ALERT)
