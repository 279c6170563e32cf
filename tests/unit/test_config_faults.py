"""Faults of the configuration: all of them at once, each with its key, what was found, what is allowed, and never a secret."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.config import parse
from axion_bus.config.keys import dotted, fields_of, kind_at, kind_of
from axion_bus.config.settings import Settings
from axion_bus.errors import ConfigError

SECRET = "hunter2-do-not-show"


def faults(data):
    with pytest.raises(ConfigError) as caught:
        parse(data)
    return str(caught.value).splitlines()


def leaves(section, path=()):
    """The path of every key that holds a value, the first element of each array taken."""
    for name, info in fields_of(section).items():
        kind = kind_of(info)
        inner = kind.section or (kind.item.section if kind.item else None)
        here = (*path, name, 0) if kind.is_array else (*path, name)
        if inner is None:
            yield here
        else:
            yield from leaves(inner, here)


LEAVES = tuple(leaves(Settings))


def placed(path, value):
    """Data in which ``value`` stands at ``path`` and nothing else does."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def wrong_type(kind):
    return 7 if kind.is_text or kind.is_secret or kind.item else "seven"


def wrong_value(kind):
    if kind.is_secret:
        return {"credential": ""}
    if kind.item:
        return {"LOUD": 7}
    return "" if kind.is_text else {bool: 1, int: -1, float: -1.0, datetime: datetime(2026, 1, 1)}.get(kind.type, 77)  # noqa: DTZ001 - naive on purpose


def test_there_are_leaves_of_every_section():
    assert {path[0] for path in LEAVES} == set(fields_of(Settings))


@pytest.mark.parametrize("path", LEAVES, ids=dotted)
def test_a_wrong_type_is_a_fault_that_names_the_key(path):
    assert any(line.startswith(f"configuration: {dotted(path)}: ") for line in faults(placed(path, wrong_type(kind_at(path)))))


@pytest.mark.parametrize("path", LEAVES, ids=dotted)
def test_a_wrong_value_is_a_fault_that_names_the_key(path):
    lines = faults(placed(path, wrong_value(kind_at(path))))

    assert any(line.startswith(f"configuration: {dotted(path)}") for line in lines)


@pytest.mark.parametrize("path", [path for path in LEAVES if kind_at(path).is_secret], ids=dotted)
def test_a_plain_secret_is_refused_with_how_to_write_one_and_is_not_shown(path):
    lines = faults(placed(path, SECRET))

    assert SECRET not in "".join(lines)
    (line,) = [line for line in lines if line.startswith(f"configuration: {dotted(path)}: ")]
    assert 'write { credential = "name" } ($CREDENTIALS_DIRECTORY/name), { file = "/path" } or { env = "NAME" }' in line


SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.times()
    | st.sampled_from(
        ["10m", "HIGH", "off", 10**400, "mqtt://u:p@h", "mqtt://[", "mysql://a@b:99999/c", "title =~ (", "{", "a{9}{9}"]
    )
)
KEYS = st.sampled_from(["credential", "env", "topic", "name", "on", "HIGH", "x"]) | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)


@given(st.sampled_from(LEAVES), st.integers(1, 9), VALUES)
def test_no_value_at_any_key_raises_anything_but_a_config_error(path, depth, value):
    told = []
    try:
        parse(placed(path[:depth], value))
    except ConfigError as exc:
        told = str(exc).splitlines()

    assert all(line.startswith(f"configuration: {path[0]}") and line.isprintable() for line in told)


def test_all_faults_are_reported_at_once():
    data = {
        "mqtt": {"url": "http://x", "keepalive": 5, "sources": [{"topic": "a/#/b"}, {"topic": ""}]},
        "rules": [{"match": ["package = X", "colour = red"]}],
        "log": {"level": "loud"},
        "loging": {},
    }

    assert [line.split(": ")[1] for line in faults(data)] == [
        "mqtt.url",
        "mqtt.keepalive",
        "mqtt.sources[0].topic",
        "mqtt.sources[1].topic",
        "rules[0].name",
        "rules[0].match[1]",
        "log.level",
        "loging",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"mqtt": {"pasword": SECRET}}, "mqtt.pasword: unknown key; did you mean password?"),
        ({"mqtt": {"tls": {"zzz": SECRET}}}, "mqtt.tls.zzz: unknown key; allowed here: ca_file, cert_file, key_file"),
        ({"mqtt": SECRET}, "mqtt: found a single value; allowed: a table"),
        ({"channels": {"slack": SECRET}}, "channels.slack: found a single value; allowed: a table"),
        ({"rules": {"name": "x"}}, "rules: found a table; allowed: an array of tables"),
        ({"intake": {"batch_size": 0}}, "intake.batch_size: found 0; allowed: a whole number, from 1 on, 10000 at most"),
        ({"intake": {"batch_size": True}}, "intake.batch_size: found true; allowed: a whole number, from 1 on, 10000 at most"),
        ({"intake": {"batch_size": "5"}}, 'intake.batch_size: found "5"; allowed: a whole number, from 1 on, 10000 at most'),
        ({"intake": {"batch_size": 1 << 100_000}}, "intake.batch_size: found a huge number; allowed: a whole number"),
        ({"relay": {"rate": 1}}, "relay.rate: unknown key; allowed here: attempt_timeout_s, budget"),
        (
            {"relay": {"budget": 60}},
            'relay.budget: found 60: not a number followed by s, m, h or d; allowed: a duration such as "30s"',
        ),
        ({"relay": {"budget": "0s"}}, 'relay.budget: found 0s; allowed: a duration such as "30s", "10m", "2h" or "1d", from 1s on'),
        ({"log": {"level": date(2026, 1, 1)}}, "log.level: found 2026-01-01; allowed: "),
        ({"log": {"level": time(1, 2)}}, "log.level: found 01:02:00; allowed: "),
        ({"log": {"level": "x" * 90}}, f'log.level: found "{"x" * 80}..."; allowed: '),
        ({"log": {"level": []}}, "log.level: found an empty array; allowed: "),
        ({"log": {"level": [SECRET]}}, "log.level: found an array; allowed: "),
        ({"log": {"level": {"x": SECRET}}}, "log.level: found a table; allowed: "),
        ({"log": {"level": "a\nb\x1b[31m"}}, r'log.level: found "a\nb\u001b[31m"; allowed: '),
        (
            {"rules": [{"name": "default"}]},
            'rules[0].name: found "default", which is the name of the built-in rule too; choose another',
        ),
        ({"rules": [{"name": "a"}, {"name": "a"}]}, 'rules[1].name: found "a", which is the name of rules[0] too; choose another'),
        (
            {"rules": [{"name": "a", "auto_close": "on"}]},
            'rules[0].auto_close: found "on"; allowed: "off" or { on = "all_resolved"',
        ),
        (
            {"rules": [{"name": "a", "match": ["title =~ ("]}]},
            "rules[0].match[0]: found \"title =~ (\": '(' is not a regular expression",
        ),
        (
            {"rules": [{"name": "a", "match": ["title =~ a{99999999999}"]}]},
            "rules[0].match[0]: found \"title =~ a{99999999999}\": 'a{99999999999}' is too large",
        ),
        (
            {"rules": [{"name": "a", "title": "{title.x}"}]},
            "rules[0].title: found \"{title.x}\": 'title.x' is not a field of an alert",
        ),
        ({"notify": {"created": {"LOUD": "X"}}}, 'notify.created.LOUD: found "LOUD": not a severity; allowed: "LOW" or "MEDIUM"'),
        ({"store": {"url": "sqlite:///relative.db"}}, 'store.url: found "sqlite:///relative.db": the path is not absolute'),
    ],
)
def test_a_fault_says_what_was_found_and_what_is_allowed(data, expected):
    (line,) = faults(data)

    assert line.startswith(f"configuration: {expected}")
    assert SECRET not in line


@pytest.mark.parametrize(
    "data",
    [
        {"mqtt": {"url": f"mqtt://user:{SECRET}@host"}},
        {"mqtt": {"url": f"mqtt://user:a@b/{SECRET}@host"}},
        {"mqtt": {"url": f"mqtt://:{SECRET}@host"}},
        {"store": {"url": f"mysql://user:{SECRET}@host/db"}},
        {"channels": {"webhook": {"url": f"https://user:{SECRET}@host"}}},
        {"mqtt": {"password": {"credentail": SECRET}}},
        {"mqtt": {"password": {"credential": [SECRET]}}},
        {"mqtt": {"password": {"env": "A", "file": SECRET}}},
        {"mqtt": {"password": [SECRET]}},
        {"secrets": {"x": SECRET}},
    ],
)
def test_a_password_is_never_shown(data):
    assert SECRET not in "".join(faults(data))


def test_a_fault_that_follows_from_another_is_not_reported():
    (line,) = faults({"mqtt": {"base_topic": "a/#"}})

    assert line.startswith('configuration: mqtt.base_topic: found "a/#": a topic that is published to has no wildcard')
