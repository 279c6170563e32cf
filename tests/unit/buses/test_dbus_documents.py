"""The interface documents in ``config/dbus``: what introspection shows, and what it means."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from dbus_next.signature import SignatureTree

from axion_bus.buses.dbus import documents, interfaces

DIRECTORY = Path(__file__).parents[3] / "config" / "dbus"
ALL = documents.DOCUMENTED


@pytest.mark.parametrize("interface", ALL, ids=lambda each: each.name)
def test_the_document_of_an_interface_is_up_to_date(interface):
    file = DIRECTORY / f"{interface.name}.xml"

    assert documents.document(interface) == file.read_text("utf-8"), "run: python -m axion_bus.buses.dbus.documents config/dbus"


@pytest.mark.parametrize("interface", ALL, ids=lambda each: each.name)
def test_a_document_shows_what_introspection_shows(interface):
    written = ET.parse(DIRECTORY / f"{interface.name}.xml").getroot()
    live = ET.fromstring(documents.introspection([interface], []))

    assert ET.canonicalize(ET.tostring(live), strip_text=True) == ET.canonicalize(ET.tostring(written), strip_text=True)


@pytest.mark.parametrize("interface", ALL, ids=lambda each: each.name)
def test_everything_is_explained(interface):
    members = [*interface.methods, *interface.signals, *interface.properties]
    arguments = [each for member in interface.methods for each in (*member.takes, *member.gives)]
    arguments += [each for member in interface.signals for each in member.carries]

    assert [] == [each.name for each in (interface, *members, *arguments) if not each.text]


@pytest.mark.parametrize("interface", [*ALL, *interfaces.STANDARD, interfaces.MANAGING], ids=lambda each: each.name)
def test_names_and_types_are_those_of_the_bus(interface):
    members = [*interface.methods, *interface.signals, *interface.properties]
    arguments = [each for member in interface.methods for each in (*member.takes, *member.gives)]

    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", each.name) for each in members)
    assert all(re.fullmatch(r"[a-z_]+", each.name) for each in arguments)
    assert all(len(SignatureTree._get(each.type).types) == 1 for each in (*arguments, *interface.properties))


def test_children_and_text_cannot_break_the_xml():
    shown = ET.fromstring(documents.introspection([], ['a"<&']))

    assert ['a"<&'] == [each.get("name") for each in shown.findall("node")]
