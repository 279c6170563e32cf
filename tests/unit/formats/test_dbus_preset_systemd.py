"""What the preset for systemd reads in what its manager tells of units."""

from __future__ import annotations

import pytest

from axion_bus.domain.alert import Severity
from axion_bus.formats.presets.systemd import unit_name
from tests.presets import FIRING, HOST, NGINX, RESOLVED, UNIT, alerts, changed, document, made, only, resolved, unit


def test_a_unit_that_enters_failed_is_an_alert():
    alert = only(made("systemd"), unit("failed"))

    assert ("nginx.service failed", HOST, "SYSTEMD", Severity.HIGH, FIRING) == (
        alert.title, alert.source, alert.package, alert.severity, alert.status,
    )  # fmt: skip
    assert {"host": HOST, "unit": "nginx.service", "sub_state": "failed"} == alert.labels
    assert ("web-1:systemd:nginx.service", "web-1:nginx.service@1764028800000000") == (alert.dedup_key, alert.id)
    assert "2025-11-25T00:00:00+00:00" == alert.occurred_at.isoformat()


@pytest.mark.parametrize("state", ["active", "inactive"])
def test_a_unit_that_leaves_failed_resolves_it(state):
    failed, left = only(made("systemd"), unit("failed")), only(made("systemd"), unit(state))

    assert (RESOLVED, failed.dedup_key) == (left.status, left.dedup_key)


@pytest.mark.parametrize("state", ["activating", "deactivating", "reloading", "maintenance", "refreshing", 7, None])
def test_a_unit_on_its_way_is_no_news(state):
    assert [] == alerts(made("systemd"), unit(state))


def test_a_unit_of_which_something_else_changed_is_no_news():
    assert [] == alerts(made("systemd"), changed(NGINX, UNIT, Job=[0, "/"]))
    assert [] == alerts(made("systemd"), changed(NGINX, "org.freedesktop.systemd1.Service", ActiveState="failed"))


def test_another_failure_of_a_unit_has_another_id_and_the_same_key():
    first, second = unit("failed"), unit("failed")
    second["args"][1]["StateChangeTimestamp"] += 1

    ids = {only(made("systemd"), told).id for told in (first, second, first)}
    keys = {only(made("systemd"), told).dedup_key for told in (first, second)}

    assert (2, 1) == (len(ids), len(keys))


LISTED = [
    ["nginx.service", "Web server", "loaded", "failed", "failed", "", NGINX, 0, "", "/"],
    ["cron.service", "Cron", "loaded", "active", "running", "", "/a", 0, "", "/"],
    ["slow.service", "Slow", "loaded", "activating", "start", "", "/a", 0, "", "/"],
    ["dev-sda.device", "Disk", "loaded", "active", "plugged", "", "/a", 0, "", "/"],
    ["multi-user.target", "All", "loaded", "active", "active", "", "/a", 0, "", "/"],
    ["system.slice", "System", "loaded", "active", "active", "", "/a", 0, "", "/"],
]


def test_what_is_listed_after_a_connect_fires_or_resolves():
    found = alerts(made("systemd"), document("/", "ListUnits", LISTED))

    assert [("nginx.service failed", FIRING), ("cron.service failed", RESOLVED)] == [(each.title, each.status) for each in found]
    assert "Unit nginx.service (Web server) is failed; see: systemctl status 'nginx.service'" == found[0].description
    assert only(made("systemd"), unit("failed")).dedup_key == found[0].dedup_key


def test_only_units_that_are_watched_are_looked_at():
    systemd = made("systemd", "nginx.service", "backup-*.service")

    found = [
        [each.labels["unit"] for each in alerts(systemd, unit("failed", path))]
        for path in (NGINX, "/u/backup_2dhome_2eservice", "/u/cron_2eservice")
    ]

    assert [["nginx.service"], ["backup-home.service"], []] == found
    assert ["nginx.service"] == [each.labels["unit"] for each in alerts(systemd, document("/", "ListUnits", LISTED))]


def test_units_that_are_not_loaded_any_more_have_not_failed():
    systemd = made("systemd")
    gone, there = "web-1:systemd:gone.service", "web-1:systemd:nginx.service"

    assert ["web-1:systemd:"] == [key[: len(systemd.prefix)] for key in (gone,)]
    assert [gone] == resolved(systemd, document("/", "ListUnits", LISTED), gone, there)
    assert [] == resolved(systemd, document("/", "ListUnits", None), gone)
    assert [] == resolved(made("systemd", "nginx*"), document("/", "ListUnits", LISTED), gone)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("nginx_2eservice", "nginx.service"),
        ("_31_2emount", "1.mount"),
        ("dev_2ddisk_5cx2dbyid_2eswap", "dev-disk\\x2dbyid.swap"),
        ("b_c3_bc_2eservice", "bü.service"),
        ("_", ""),
        ("", ""),
        ("snap_5f1_2eservice", "snap_1.service"),
    ],
)
def test_a_unit_s_name_is_read_from_its_path(label, name):
    assert name == unit_name(label)


def test_systemd_is_subscribed_to_before_it_is_asked_and_asked_for_units_only():
    systemd = made("systemd")

    assert ["Subscribe", "ListUnits"] == [call.member for call in systemd.calls]
    assert [("PropertiesChanged", "org.freedesktop.systemd1", UNIT)] == [
        (each.member, each.sender, each.arg0) for each in systemd.wanted
    ]
