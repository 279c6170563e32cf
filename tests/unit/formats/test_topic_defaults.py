"""Source and package as the topic names them."""

from __future__ import annotations

import pytest

from axion_bus.formats import topic_defaults


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("axion/alerts/web/api", ("web", "api")),
        ("axion/alerts/web", ("web", None)),
        ("axion/alerts/web/", ("web", None)),
        ("axion/alerts/web/api/eu/1", ("web", "api")),
        ("axion/alerts//api", (None, "api")),
        ("axion/alerts/", (None, None)),
        ("axion/alerts", (None, None)),
        ("axion/alertsx/web/api", (None, None)),
        ("sensors/kitchen/alarm", (None, None)),
        ("other/axion/alerts/web/api", (None, None)),
    ],
)
def test_the_levels_after_alerts_are_source_and_package(topic, expected):
    assert expected == topic_defaults(topic, "axion")


def test_a_base_topic_may_have_levels_of_its_own():
    assert topic_defaults("site/a/alerts/web/api", "site/a") == ("web", "api")


def test_what_is_longer_than_its_column_is_cut():
    assert topic_defaults(f"axion/alerts/{'s' * 300}/{'p' * 300}", "axion") == ("s" * 255, "p" * 100)
