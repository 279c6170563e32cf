"""How URLs and durations are written, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.config.urls import BrokerUrl, MysqlUrl, SqliteUrl, parse_broker_url, parse_store_url
from axion_bus.config.values import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://broker", BrokerUrl(host="broker", port=1883)),
        ("mqtts://broker", BrokerUrl(host="broker", port=8883, tls=True)),
        ("mqtt://10.0.0.1:18", BrokerUrl(host="10.0.0.1", port=18)),
        ("mqtt://[::1]:18/", BrokerUrl(host="::1", port=18)),
    ],
)
def test_a_broker_url_is_parsed(text, expected):
    assert expected == parse_broker_url(text)
    assert expected == parse_broker_url(str(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:////var/lib/a b.db", SqliteUrl(path=PurePosixPath("/var/lib/a b.db"))),
        ("mysql://me@db:3307/axion", MysqlUrl(user="me", host="db", port=3307, database="axion")),
        ("mysql://a%40b@[::1]/axion", MysqlUrl(user="a@b", host="::1", port=3306, database="axion")),
    ],
)
def test_a_store_url_is_parsed(text, expected):
    assert expected == parse_store_url(text)
    assert expected == parse_store_url(str(expected))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp://h", "begin with mqtt:// or mqtts://"),
        ("h:1883", "begin with mqtt:// or mqtts://"),
        ("mqtt://", "no valid host"),
        ("mqtt://a b", "no valid host"),
        ("mqtt://h:0", "port 0"),
        ("mqtt://h:65536", "ort"),
        ("mqtt://[x", "IPv6"),
        ("mqtt://h/path", "path"),
        ("mqtt://h?x=1", r"after \? or #"),
        ("mqtt://u@h", "write username"),
        ("mqtt://u:p@h", "write password"),
        ("mqtt://h\n", "control character"),
    ],
)
def test_a_broker_url_that_cannot_be_one_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_broker_url(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sqlite://", "not absolute"),
        ("sqlite:///a.db", "not absolute"),
        ("sqlite://host/a.db", "not absolute"),
        ("sqlite:////var/lib/", "ends with a slash"),
        ("sqlite:////a.db?mode=ro", r"after \? or #"),
        ("postgresql://u@h/d", "begin with sqlite:// or mysql://"),
        ("mysql://h/d", "no user"),
        ("mysql://u@h", "no valid database"),
        ("mysql://u@h/a/b", "no valid database"),
        ("mysql://u:p@h/d", "write password"),
    ],
)
def test_a_store_url_that_cannot_be_one_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_store_url(text)


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86_400)])
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    assert timedelta(seconds=seconds) == parse_duration(text)


@pytest.mark.parametrize("text", ["", "10", "10 m", "-1s", "1.5h", "1w", "1h30m", "١s", 10, 1.5, None, "9999999999d"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match="followed by s, m, h or d"):
        parse_duration(text)


@given(st.integers(0, 10**9 - 1))
def test_a_duration_that_is_written_reads_back(seconds):
    span = timedelta(seconds=seconds)

    assert span == parse_duration(format_duration(span))
