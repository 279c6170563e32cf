"""What the presets read in the signals of other services, as those send them; and that nothing else can harm them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.rules import parse_matcher
from axion_bus.errors import ConfigError
from axion_bus.formats import Context, FormatName, decoder
from axion_bus.formats.dbus_signal import Command
from axion_bus.formats.presets import _PRESETS, preset
from axion_bus.formats.presets.systemd import unit_name
from axion_bus.manager import arguments as a
from axion_bus.manager.catalogue import CATALOGUE

HOST = "web-1"
FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
WATCH = {"names": ["org.example.Boiler"]}
CHANGED = "org.freedesktop.DBus.Properties"


def made(name, *watch, host=HOST):
    return preset(name, watch or WATCH.get(name, ()), host=host)


def document(path, member, *args, interface=CHANGED):
    return {"sender": "org.example", "path": path, "interface": interface, "member": member, "args": list(args)}


def changed(path, interface, **properties):
    return document(path, "PropertiesChanged", interface, properties, [])


def alerts(made, told):
    """What the daemon takes for alerts; each has to be one."""
    context = Context(topic="/", source="no", package="no", severity=Severity.LOW)
    elements = [element for each in made.read(told) for element in decoder(FormatName.NATIVE, None)(to_json(each), context)]
    assert all(isinstance(element.content, Alert) for element in elements), elements
    return [element.content for element in elements]


def only(made, told):
    (alert,) = alerts(made, told)
    return alert


UNIT = "org.freedesktop.systemd1.Unit"
NGINX = "/org/freedesktop/systemd1/unit/nginx_2eservice"


def unit(state, path=NGINX, **more):
    return changed(path, UNIT, ActiveState=state, SubState=state, StateChangeTimestamp=1_764_028_800_000_000, **more)


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


def resolved(preset, document, *keys):
    """The keys of what ``preset`` takes for gone."""
    context = Context(topic="/", source="no", package="no", severity=Severity.LOW)
    told = preset.absent(document, keys)
    read = [element.content for each in told for element in decoder(FormatName.NATIVE, None)(to_json(each), context)]
    assert all(alert.status is RESOLVED for alert in read)
    return [alert.dedup_key for alert in read]


def test_units_that_are_not_loaded_any_more_have_not_failed():
    systemd = made("systemd")
    gone, there = "web-1:systemd:gone.service", "web-1:systemd:nginx.service"

    assert ["web-1:systemd:"] == [key[: len(systemd.prefix)] for key in (gone,)]
    assert [gone] == resolved(systemd, document("/", "ListUnits", LISTED), gone, there)
    assert [] == resolved(systemd, document("/", "ListUnits", None), gone)
    assert [] == resolved(made("systemd", "nginx*"), document("/", "ListUnits", LISTED), gone)


def test_drives_that_are_not_there_any_more_are_not_failing():
    answer = document("/", "GetManagedObjects", {DRIVE: {}})
    gone, there = "web-1:udisks2:WDC_1", "web-1:udisks2:ST4000_Z30"

    assert [gone] == resolved(made("udisks2"), answer, gone, there)
    assert [] == resolved(made("udisks2"), document("/", "GetManagedObjects"), gone)
    assert [] == resolved(made("udisks2", "ST*"), answer, gone)


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


ATA, NVME = "org.freedesktop.UDisks2.Drive.Ata", "org.freedesktop.UDisks2.NVMe.Controller"
DRIVE = "/org/freedesktop/UDisks2/drives/ST4000_Z30"


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
    read = list(made(name).read({"path": path, "member": member, "interface": CHANGED, "sender": "x", "args": args}))

    for each in read:
        if isinstance(each, Command):
            assert a.check(CATALOGUE[each.verb].arguments, each.arguments)
        else:
            context = Context(topic="/", source="no", package="no", severity=Severity.LOW)
            (element,) = decoder(FormatName.NATIVE, None)(to_json(each), context)
            assert isinstance(element.content, Alert), element


def test_the_silence_of_a_machine_matches_what_its_presets_tell():
    (opened,) = commands(made("logind"), True)

    assert all(parse_matcher(text).test(only(made("systemd"), unit("failed"))) for text in opened.arguments["match"])
