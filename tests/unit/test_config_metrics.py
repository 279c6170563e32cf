"""``[metrics]``: where the figures may be shown, and what is refused before anybody waits for it in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from axion_bus.config import parse
from axion_bus.errors import ConfigError


def metrics(**keys):
    return parse({"metrics": keys}).metrics


def test_nothing_is_shown_by_default():
    assert (None, None) == (metrics().address, metrics().textfile)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("off", None),
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:9464", ("::1", 9464)),
        ("[fe80::1%eth0]:9464", ("fe80::1%eth0", 9464)),
        ("metrics.example:9464", ("metrics.example", 9464)),
    ],
)
def test_an_address_is_a_host_and_a_port(listen, expected):
    assert expected == metrics(listen=listen).address


@pytest.mark.parametrize(
    "listen",
    [
        *("", "on", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http"),
        *("::1:9464", "[::1]", "[localhost]:9464", "http://127.0.0.1:9464", "127.0.0.1:9464/metrics", "a b:9464"),
        *("127.0.0.1:9464\n", 9464),
    ],
)
def test_whatever_else_is_refused_and_what_is_allowed_is_said(listen):
    with pytest.raises(ConfigError, match=r'metrics\.listen: .*"off", or "host:port"'):
        metrics(listen=listen)


def test_a_file_for_node_exporter_ends_as_that_reads_it():
    assert Path("/var/lib/x/axion-bus.prom") == metrics(textfile="/var/lib/x/axion-bus.prom").textfile


@pytest.mark.parametrize("textfile", ["/var/lib/x/axion-bus.txt", "axion-bus.prom", "", "/", "/x/.prom", "/a\0b.prom", 7])
def test_a_file_that_node_exporter_would_not_read_is_refused(textfile):
    with pytest.raises(ConfigError, match=r"metrics\.textfile: .*an absolute path that ends in \.prom"):
        metrics(textfile=textfile)


def test_metrics_are_used_by_this_version():
    assert parse({"metrics": {"listen": "127.0.0.1:9464"}}).warnings() == []
