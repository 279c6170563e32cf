"""What the preset for UDisks2 reads in what it tells of drives."""

from __future__ import annotations

import pytest

from axion_bus.domain.alert import Severity
from tests.presets import ATA, DRIVE, FIRING, HOST, NVME, RESOLVED, alerts, changed, document, made, only, resolved


@pytest.mark.parametrize(
    ("interface", "properties", "status", "text"),
    [
        (ATA, {"SmartFailing": True, "SmartNumBadSectors": 17}, FIRING, "says by SMART that it is failing; it has 17 bad sectors"),
        (ATA, {"SmartFailing": True, "SmartNumBadSectors": -1}, FIRING, "says by SMART that it is failing"),
        (ATA, {"SmartFailing": False}, RESOLVED, "does not say that it is failing"),
        (NVME, {"SmartCriticalWarning": ["spare", "readonly"]}, FIRING, "says by SMART: spare, readonly"),
        (NVME, {"SmartCriticalWarning": []}, RESOLVED, "does not say that it is failing"),
    ],
)
def test_a_drive_is_failing_or_not(interface, properties, status, text):
    by_signal = only(made("udisks2"), changed(DRIVE, interface, **properties))
    by_answer = only(made("udisks2"), document("/", "GetManagedObjects", {DRIVE: {"other": {}, interface: properties}}))
    by_plugging = only(made("udisks2"), document("/", "InterfacesAdded", DRIVE, {interface: properties}))

    assert by_signal == by_answer == by_plugging
    assert ("Drive ST4000_Z30 is failing", "STORAGE", Severity.CRITICAL, status, f"Drive ST4000_Z30 of web-1 {text}") == (
        by_signal.title, by_signal.package, by_signal.severity, by_signal.status, by_signal.description,
    )  # fmt: skip
    assert ("web-1:udisks2:ST4000_Z30", {"host": HOST, "drive": "ST4000_Z30"}) == (by_signal.dedup_key, by_signal.labels)


@pytest.mark.parametrize(
    "told",
    [
        changed(DRIVE, ATA, SmartTemperature=300.0),
        changed(DRIVE, "org.freedesktop.UDisks2.Drive", SmartFailing=True),
        changed(DRIVE, ATA, SmartFailing="yes"),
        document("/", "GetManagedObjects", {"/org/freedesktop/UDisks2/block_devices/sda": {"org.freedesktop.UDisks2.Block": {}}}),
        document("/", "InterfacesRemoved", DRIVE, ["org.freedesktop.UDisks2.Drive"]),
        document("/", "SomethingElse", DRIVE, {ATA: {"SmartFailing": True}}),
    ],
)
def test_what_else_udisks_tells_is_no_news(told):
    assert [] == alerts(made("udisks2"), told)


def test_a_drive_that_is_gone_is_not_failing():
    gone = only(made("udisks2"), document("/", "InterfacesRemoved", DRIVE, ["org.freedesktop.UDisks2.Drive", ATA]))

    assert (RESOLVED, "web-1:udisks2:ST4000_Z30") == (gone.status, gone.dedup_key)


def test_only_drives_that_are_watched_are_looked_at():
    failing = {ATA: {"SmartFailing": True}}
    answer = document("/", "GetManagedObjects", {DRIVE: failing, "/drives/WDC_1": failing})

    assert ["WDC_1"] == [each.labels["drive"] for each in alerts(made("udisks2", "WDC_*"), answer)]


def test_drives_that_are_not_there_any_more_are_not_failing():
    answer = document("/", "GetManagedObjects", {DRIVE: {}})
    gone, there = "web-1:udisks2:WDC_1", "web-1:udisks2:ST4000_Z30"

    assert [gone] == resolved(made("udisks2"), answer, gone, there)
    assert [] == resolved(made("udisks2"), document("/", "GetManagedObjects"), gone)
    assert [] == resolved(made("udisks2", "ST*"), answer, gone)
