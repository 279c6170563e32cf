"""What the presets read in the signals of other services, as those send them; and that nothing else can harm them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.alert import Severity
from axion_bus.domain.rules import parse_matcher
from axion_bus.errors import ConfigError
from axion_bus.formats.dbus_signal import Command
from axion_bus.formats.presets import _PRESETS, preset
from axion_bus.manager import arguments as a
from axion_bus.manager.catalogue import CATALOGUE
from tests.presets import (
    ATA,
    CHANGED,
    FIRING,
    NGINX,
    NVME,
    RESOLVED,
    UNIT,
    alerts,
    changed,
    document,
    made,
    only,
    unit,
)  # fmt: skip
from tests.presets import read as read_as_alerts

DISPLAY = "/org/freedesktop/UPower/devices/DisplayDevice"
DEVICE = "org.freedesktop.UPower.Device"


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0, []),
        (1, [(RESOLVED, Severity.HIGH)]),
        (2, [(RESOLVED, Severity.HIGH)]),
        (3, [(RESOLVED, Severity.HIGH)]),
        (4, [(FIRING, Severity.HIGH)]),
        (5, [(FIRING, Severity.CRITICAL)]),
        (6, []),
        (True, []),
        ("4", []),
    ],
)
def test_a_battery_is_critical_or_not(level, expected):
    found = alerts(made("upower"), changed(DISPLAY, DEVICE, WarningLevel=level, Percentage=3.4))

    assert expected == [(each.status, each.severity) for each in found]
    assert {("Battery critical", "POWER", "web-1:upower:DisplayDevice")} >= {
        (each.title, each.package, each.dedup_key) for each in found
    }


def test_how_much_is_left_is_told():
    alert = only(made("upower"), changed(DISPLAY, DEVICE, WarningLevel=4, Percentage=3.4))

    assert "The warning level of DisplayDevice on web-1 is critical, 3 % are left" == alert.description


def test_what_upower_answers_after_a_connect_is_read_alike():
    answer = document(DISPLAY, "GetAll", {"WarningLevel": 4, "Percentage": 3.0})

    assert only(made("upower"), changed(DISPLAY, DEVICE, WarningLevel=4, Percentage=3.0)) == only(made("upower"), answer)


def test_a_battery_may_be_looked_at_by_itself():
    upower = made("upower", "battery_BAT0", "ups_hiddev0")
    paths = ["/org/freedesktop/UPower/devices/battery_BAT0", "/org/freedesktop/UPower/devices/ups_hiddev0"]

    assert paths == [each.path for each in upower.wanted] == [call.path for call in upower.calls]
    assert "Battery critical: battery_BAT0" == only(upower, changed(paths[0], DEVICE, WarningLevel=5)).title


NM, NM_PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (0, []),
        (1, [(FIRING, Severity.HIGH)]),
        (2, [(FIRING, Severity.MEDIUM)]),
        (3, [(FIRING, Severity.MEDIUM)]),
        (4, [(RESOLVED, Severity.HIGH)]),
        (5, []),
    ],
)
def test_connectivity_is_there_or_lost(state, expected):
    by_signal = alerts(made("networkmanager"), changed(NM_PATH, NM, Connectivity=state, State=20))
    by_answer = alerts(made("networkmanager"), document(NM_PATH, "GetAll", {"Connectivity": state, "State": 20}))

    assert expected == [(each.status, each.severity) for each in by_signal]
    assert by_signal == by_answer
    assert {("Network connectivity lost", "NETWORK", "web-1:networkmanager:connectivity")} >= {
        (each.title, each.package, each.dedup_key) for each in by_signal
    }


def test_what_else_networkmanager_tells_is_no_news():
    assert [] == alerts(made("networkmanager"), changed(NM_PATH, NM, State=70))


def commands(logind, goes_down):
    return list(logind.read(document("/org/freedesktop/login1", "PrepareForShutdown", goes_down)))


def test_a_machine_that_goes_down_silences_its_alerts_and_ends_that_when_it_is_back():
    (opened,), (ended,) = commands(made("logind"), True), commands(made("logind"), False)

    assert ("silence", "expire-silence") == (opened.verb, ended.verb)
    given = a.check(CATALOGUE[opened.verb].arguments, opened.arguments)
    over = a.check(CATALOGUE[ended.verb].arguments, ended.arguments)
    assert ("shutdown-web-1", ['source = "web-1"'], "logind") == (
        given.silence_guid, [matcher.text for matcher in given.match], given.created_by,
    )  # fmt: skip
    assert ("shutdown-web-1", False, "logind") == (over.silence_guid, over.must_exist, over.expired_by)


def test_whether_a_machine_goes_down_is_asked_after_a_connect_and_read_alike():
    logind = made("logind")
    (call,) = logind.calls

    answer = document(call.path, call.member, False, interface=call.interface)

    assert ["org.freedesktop.login1.Manager", "PreparingForShutdown"] == list(call.arguments)
    assert commands(logind, False) == list(logind.read(answer))


def test_what_is_silenced_may_be_said():
    (opened,) = commands(made("logind", "labels.site = east", "severity != CRITICAL"), True)

    assert ["labels.site = east", "severity != CRITICAL"] == opened.arguments["match"]


@pytest.mark.parametrize("goes_down", [None, 1, "true", []])
def test_what_else_logind_might_tell_does_nothing(goes_down):
    assert [] == commands(made("logind"), goes_down)


def owner(name, new):
    return document("/org/freedesktop/DBus", "NameOwnerChanged", name, ":1.1", new, interface="org.freedesktop.DBus")


def test_a_name_that_nobody_owns_is_an_alert_and_its_return_resolves_it():
    vanished, back = only(made("names"), owner("org.example.Boiler", "")), only(made("names"), owner("org.example.Boiler", ":1.9"))

    assert ("org.example.Boiler vanished from the bus", "DBUS", Severity.HIGH, FIRING) == (
        vanished.title, vanished.package, vanished.severity, vanished.status,
    )  # fmt: skip
    assert (RESOLVED, vanished.dedup_key) == (back.status, back.dedup_key)
    assert "web-1:names:org.example.Boiler" == vanished.dedup_key


def test_a_name_that_is_not_watched_is_no_news():
    assert [] == alerts(made("names"), owner("org.example.Oven", ""))


def test_who_is_there_after_a_connect_is_told_of_every_name():
    names = made("names", "org.example.Boiler", "org.example.Oven")

    found = alerts(names, document("/", "ListNames", ["org.freedesktop.DBus", ":1.4", "org.example.Oven"]))

    assert [("org.example.Boiler", FIRING), ("org.example.Oven", RESOLVED)] == [
        (each.labels["name"], each.status) for each in found
    ]
    assert ["org.example.Boiler", "org.example.Oven"] == [each.arg0 for each in names.wanted]


@pytest.mark.parametrize(
    ("name", "watch", "message"),
    [
        ("nonesuch", (), "there are: logind, names, networkmanager, systemd, udisks2, upower"),
        ("names", (), 'needs the names that it looks at: watch = \\["org.example.Service"\\]'),
        ("names", (":1.4",), "':1.4' is none"),
        ("names", ("boiler",), "'boiler' is none"),
        ("networkmanager", ("eth0",), "remove watch"),
        ("logind", ("web-1",), "'web-1' is not a condition"),
        ("logind", ("colour = red",), "is not a field of an alert"),
    ],
)
def test_what_a_preset_has_no_use_for_is_refused(name, watch, message):
    with pytest.raises(ConfigError, match=message):
        preset(name, watch)


def test_two_machines_of_one_database_have_alerts_of_their_own():
    keys = {only(made("systemd", host=host), unit("failed")).dedup_key for host in ("web-1", "web-2")}

    assert 2 == len(keys)


def test_a_name_that_is_too_long_for_a_key_stays_apart_from_others():
    units = [f"{'x' * 250}{n}.service" for n in (1, 2)]
    listed = [[name, "", "loaded", "failed", "failed", "", "/", 0, "", "/"] for name in units]

    found = alerts(made("systemd", host="h" * 64), document("/", "ListUnits", listed))

    assert 2 == len({each.dedup_key for each in found})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    [
        "PropertiesChanged", "GetAll", "ListUnits", "GetManagedObjects", "InterfacesAdded", "InterfacesRemoved", "NameOwnerChanged",
        "ListNames", "Get", UNIT, DEVICE, ATA, NVME, NM, "failed", "org.example.Boiler", "",
    ]
)  # fmt: skip
FOUND = st.dictionaries(
    st.sampled_from(
        ["ActiveState", "SubState", "StateChangeTimestamp", "WarningLevel", "Percentage", "SmartFailing", "SmartNumBadSectors",
         "SmartCriticalWarning", "Connectivity", ATA, NVME]
    ),
    JSON | WORDS | st.integers(0, 6) | st.booleans(),
    max_size=4,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(_PRESETS))
@given(path=JSON | st.just(NGINX), member=WORDS | JSON, args=st.lists(JSON | WORDS | FOUND, max_size=5) | JSON)
def test_whatever_a_document_holds_nothing_is_raised_and_every_alert_is_one(name, path, member, args):
    found = list(made(name).read({"path": path, "member": member, "interface": CHANGED, "sender": "x", "args": args}))

    for each in found:
        if isinstance(each, Command):
            assert a.check(CATALOGUE[each.verb].arguments, each.arguments)
        else:
            assert read_as_alerts([each])


def test_the_silence_of_a_machine_matches_what_its_presets_tell():
    (opened,) = commands(made("logind"), True)

    assert all(parse_matcher(text).test(only(made("systemd"), unit("failed"))) for text in opened.arguments["match"])
