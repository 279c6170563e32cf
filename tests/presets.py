"""The presets under test, and documents as the services send them: what is read of each has to be what the daemon takes."""

from __future__ import annotations

from pydantic_core import to_json

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.formats import Context, FormatName, decoder
from axion_bus.formats.presets import preset

HOST = "web-1"
FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
WATCH = {"names": ["org.example.Boiler"]}
CHANGED = "org.freedesktop.DBus.Properties"
UNIT = "org.freedesktop.systemd1.Unit"
NGINX = "/org/freedesktop/systemd1/unit/nginx_2eservice"
ATA, NVME = "org.freedesktop.UDisks2.Drive.Ata", "org.freedesktop.UDisks2.NVMe.Controller"
DRIVE = "/org/freedesktop/UDisks2/drives/ST4000_Z30"


def made(name, *watch, host=HOST):
    return preset(name, watch or WATCH.get(name, ()), host=host)


def document(path, member, *args, interface=CHANGED):
    return {"sender": "org.example", "path": path, "interface": interface, "member": member, "args": list(args)}


def changed(path, interface, **properties):
    return document(path, "PropertiesChanged", interface, properties, [])


def read(told):
    """What the daemon takes for alerts; each has to be one."""
    context = Context(topic="/", source="no", package="no", severity=Severity.LOW)
    elements = [element for each in told for element in decoder(FormatName.NATIVE, None)(to_json(each), context)]
    assert all(isinstance(element.content, Alert) for element in elements), elements
    return [element.content for element in elements]


def alerts(made, told):
    return read(made.read(told))


def only(made, told):
    (alert,) = alerts(made, told)
    return alert


def resolved(made, answer, *keys):
    """The dedup keys, of ``keys``, of what ``made`` takes for gone."""
    found = read(made.absent(answer, keys))
    assert all(alert.status is RESOLVED for alert in found)
    return [alert.dedup_key for alert in found]


def unit(state, path=NGINX, **more):
    return changed(path, UNIT, ActiveState=state, SubState=state, StateChangeTimestamp=1_764_028_800_000_000, **more)
