"""What the sections mean: sources and what may not be listened to, rules, warnings, unused sections."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from axion_bus.config import parse
from axion_bus.domain.alert import Severity
from axion_bus.errors import ConfigError


def refused(data):
    with pytest.raises(ConfigError) as caught:
        parse(data)
    return str(caught.value).splitlines()


def test_settings_are_frozen():
    settings = parse({})

    with pytest.raises(ValidationError, match="frozen"):
        settings.log.level = "debug"


@pytest.mark.parametrize(
    "topic", ["#", "axion/#", "+/events/#", "axion/summary", "axion/+", "axion/incidents/x/state", "$share/g/axion/#"]
)
def test_a_source_that_would_hear_what_is_published_is_refused(topic):
    (line,) = refused({"mqtt": {"sources": [{"topic": "a/#"}, {"topic": topic}]}})

    assert line.startswith(
        f'configuration: mqtt.sources[1].topic: found "{topic}", which would hear what axion-bus itself publishes on'
    )


def test_what_a_source_may_not_hear_follows_the_base_topic():
    sources = [{"topic": "axion/events/#"}]

    assert parse({"mqtt": {"base_topic": "other", "sources": sources}}).mqtt.sources[0].topic == "axion/events/#"


@pytest.mark.parametrize(
    ("birth", "met"),
    [
        ("axion/alerts/ha", "axion/alerts/#"),
        ("axion/request/x", "axion/request/#"),
        ("axion/summary", "axion/summary"),
        ("ha/device/x", "ha/device/#"),
    ],
)
def test_a_birth_topic_of_home_assistant_that_is_something_else_already_is_refused(birth, met):
    keys = {"discovery": True, "discovery_prefix": "ha", "birth_topic": birth}

    (line,) = refused({"mqtt": {"homeassistant": keys}})

    assert line == (
        f'configuration: mqtt.homeassistant.birth_topic: found "{birth}", which meets {met}; '
        "name the topic of Home Assistant's birth message"
    )


@pytest.mark.parametrize("discovery", [True, False])
def test_a_source_that_would_hear_what_home_assistant_is_told_is_refused(discovery):
    keys = {"discovery": discovery, "birth_topic": "other"}

    (line,) = refused({"mqtt": {"homeassistant": keys, "sources": [{"topic": "homeassistant/#"}]}})

    assert "which would hear what axion-bus itself publishes on homeassistant/device/#" in line


def test_without_home_assistant_a_source_may_listen_to_its_topics():
    sources = [{"topic": "homeassistant/#"}]

    assert parse({"mqtt": {"sources": sources}}).mqtt.sources[0].topic == "homeassistant/#"


def test_two_sources_with_one_topic_are_refused():
    (line,) = refused({"mqtt": {"sources": [{"topic": "a"}, {"topic": "b"}, {"topic": "a"}]}})

    assert line == (
        'configuration: mqtt.sources[2].topic: found "a", which is the topic of mqtt.sources[0] too; give each source its own'
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"mapping": {"title": "msg["}}, "title = 'msg[' is not a JMESPath expression"),
        ({"mapping": {"severity": "level"}}, "title is missing: an alert needs one"),
        ({"mapping": {"title": "msg", "colour": "red"}}, "found colour, which an alert does not have; allowed are alert_guid, "),
        ({"format": "text", "mapping": {"title": "msg"}}, 'format "text" takes no mapping: write format = "json"'),
        ({"format": "json"}, 'format "json" needs a mapping'),
    ],
)
def test_a_mapping_that_cannot_be_used_is_a_fault(source, expected):
    (line,) = refused({"mqtt": {"sources": [{"topic": "a", **source}]}})

    assert line.startswith(f"configuration: mqtt.sources[0].mapping: {expected}")


def test_a_label_of_a_mapping_may_be_written_without_quotes():
    data = tomllib.loads('sources = [{ topic = "a", mapping = { title = "msg", labels.room = "room", "labels.site" = "s" } }]')

    (source,) = parse({"mqtt": data}).mqtt.sources

    assert dict(source.mapping) == {"title": "msg", "labels.room": "room", "labels.site": "s"}


@pytest.mark.parametrize(
    ("data", "characters"),
    [
        (lambda text: {"mqtt": {"client_id": text}}, 255),
        (lambda text: {"mqtt": {"sources": [{"topic": "a", "defaults": {"source": text}}]}}, 255),
        (lambda text: {"mqtt": {"sources": [{"topic": "a", "defaults": {"package": text}}]}}, 100),
        (lambda text: {"rules": [{"name": "a", "assign_to": text}]}, 255),
    ],
)
def test_a_text_that_goes_into_a_column_may_be_as_long_as_the_column(data, characters):
    parse(data("x" * characters))

    (line,) = refused(data("x" * (characters + 1)))

    assert line.endswith(f"allowed: a text of 1 to {characters} printable characters")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"mqtt": {"tls": {"ca_file": "/ca.pem"}}}, "mqtt.tls: found certificates, but url is mqtt://127.0.0.1:1883"),
        ({"mqtt": {"url": "mqtts://h", "tls": {"key_file": "/k"}}}, "mqtt.tls.key_file: a key without cert_file"),
        ({"mqtt": {"password": {"env": "X"}}}, "mqtt.password: found a password without a username"),
        (
            {"store": {"url": "sqlite:////a", "password": {"env": "X"}}},
            "store.password: found a password, but sqlite:////a takes none",
        ),
        ({"intake": {"batch_size": 100, "high_water": 99}}, "intake.high_water: found 99, which is less than batch_size (100)"),
        ({"relay": {"lease_s": 10}}, "relay.lease_s: found 10, which is not more than attempt_timeout_s (10)"),
        ({"relay": {"retry_max_s": 0.5}}, "relay.retry_max_s: found 0.5, which is less than retry_base_s (1)"),
        ({"channels": {"slack": {"channel": "#ops"}}}, "channels.slack: write token and channel, or webhook_url"),
        ({"channels": {"webhook": {"url": "http://h"}}}, "channels.webhook.url: found http://, which needs allow_private = true"),
    ],
)
def test_keys_that_do_not_fit_together_are_a_fault(data, expected):
    (line,) = refused(data)

    assert line.startswith(f"configuration: {expected}")


def test_rules_come_compiled_with_the_built_in_one_last():
    settings = parse(
        {
            "correlation": {"create_at": "CRITICAL"},
            "rules": [
                {
                    "name": "database",
                    "match": ["package = DATABASE", "severity >= MEDIUM"],
                    "group_by": ["package", "labels.cluster"],
                    "create_at": "medium",
                    "title": "{package} on {labels.cluster}",
                    "assign_to": "dba-team",
                    "auto_close": {"on": "all_resolved", "quiet": "15m"},
                    "reopen_within": "30m",
                },
                {"name": "plain", "auto_close": "off"},
            ],
        }
    )

    database, plain, default = settings.rules()
    assert (database.name, database.create_at, database.assign_to) == ("database", Severity.MEDIUM, "dba-team")
    assert [matcher.text for matcher in database.matchers] == ["package = DATABASE", "severity >= MEDIUM"]
    assert [field.text for field in database.group_by] == ["package", "labels.cluster"]
    assert database.title is not None
    assert database.title.text == "{package} on {labels.cluster}"
    assert (database.auto_close_after, database.reopen_within) == (timedelta(minutes=15), timedelta(minutes=30))
    assert [field.text for field in plain.group_by] == ["package", "title"]
    assert (plain.create_at, plain.auto_close_after, plain.reopen_within) == (Severity.CRITICAL, None, None)
    assert (default.name, default.create_at, default.matchers) == ("default", Severity.CRITICAL, ())


def test_dbus_keys_without_a_bus_are_told():
    off = parse({"dbus": {"sources": [{"preset": "systemd"}]}})
    on = parse({"dbus": {"bus": "system", "sources": [{"preset": "systemd"}]}})

    assert (['dbus.bus: it is "off", so nothing else in [dbus] is used'], []) == (off.warnings(), on.warnings())


def test_the_defaults_give_no_warning():
    assert parse({}).warnings() == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"mqtt": {"url": "mqtt://broker", "username": "u", "password": {"env": "X"}}},
            "mqtt.url: mqtt://broker:1883 carries the password",
        ),
        ({"mqtt": {"sources": []}}, "mqtt.sources: there is none"),
        ({"mqtt": {"sources": [{"topic": "a/#"}, {"topic": "a/b"}]}}, "mqtt.sources[1].topic: a/b overlaps a/# (sources[0])"),
        ({"rules": [{"name": "all"}, {"name": "more"}]}, "rules[0].match: all matches every alert"),
    ],
)
def test_what_is_allowed_but_looks_wrong_is_a_warning(data, expected):
    (warning,) = parse(data).warnings()

    assert warning.startswith(expected)


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1", "mqtt://[::1]", "mqtt://localhost", "mqtt://127.9.9.9", "mqtts://broker"])
def test_a_password_that_nobody_can_overhear_gives_no_warning(url):
    assert parse({"mqtt": {"url": url, "username": "u", "password": {"env": "X"}}}).warnings() == []


def test_one_notify_code_stands_for_every_severity():
    notify = parse({"notify": {"created": "A", "closed": {"critical": "B"}}}).notify

    assert dict(notify.created) == dict.fromkeys(Severity, "A")
    assert dict(notify.closed) == {Severity.CRITICAL: "B"}


def test_a_silence_that_ends_before_it_starts_is_refused():
    times = {"starts_at": datetime(2026, 1, 2, tzinfo=UTC), "ends_at": datetime(2026, 1, 1, tzinfo=UTC)}

    (line,) = refused({"silences": [{"match": ["package = X"], **times}]})

    assert line == "configuration: silences[0].ends_at: found 2026-01-01T00:00:00+00:00, which is not after starts_at"
