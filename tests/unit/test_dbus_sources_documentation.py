"""docs/dbus-sources.md says what the presets do, and its examples are configurations."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from axion_bus.config import parse
from axion_bus.formats.presets import _PRESETS, preset
from axion_bus.formats.presets.logind import LASTS

DOCS = (Path(__file__).parents[2] / "docs" / "dbus-sources.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| `.*\|$", DOCS, re.MULTILINE)]
FIRING = {
    "systemd": {"path": "/u/nginx_2eservice", "args": ["org.freedesktop.systemd1.Unit", {"ActiveState": "failed"}]},
    "upower": {"path": "/d/DisplayDevice", "args": ["org.freedesktop.UPower.Device", {"WarningLevel": 4}]},
    "udisks2": {"path": "/d/ST4000_Z30", "args": ["org.freedesktop.UDisks2.Drive.Ata", {"SmartFailing": True}]},
    "networkmanager": {"path": "/nm", "args": ["org.freedesktop.NetworkManager", {"Connectivity": 1}]},
    "names": {"path": "/", "args": ["org.example.Boiler", ":1.1", ""]},
}


def test_every_preset_has_a_row():
    assert sorted(_PRESETS) == sorted(row[0].strip("`") for row in ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] != "`logind`"], ids=lambda row: row[0])
def test_severity_title_and_package_are_the_true_ones(row):
    name = row[0].strip("`")
    watch = ["org.example.Boiler"] if name == "names" else []

    (alert,) = preset(name, watch).read({"member": "PropertiesChanged", **FIRING[name]})

    assert (row[3].strip("`"), row[4]) == (alert["title"], alert["package"])
    assert row[2].startswith(alert["severity"])


def test_how_long_a_silence_lasts_is_told():
    assert ("30m", True) == (LASTS, "for half an hour" in DOCS)


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_its_examples_are_configurations(block):
    assert parse(tomllib.loads(block)).dbus.sources
