"""Interfaces as XML: what ``Introspect`` answers, and the documents in ``config/dbus``, which say besides what it all means.

``python -m axion_bus.buses.dbus.documents config/dbus`` writes those; a test compares them, so that they cannot go stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from axion_bus.buses.dbus import interfaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from axion_bus.buses.dbus.interfaces import Argument, Interface, Method, Property, Signal

DOCTYPE = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)
DOCUMENTED = (interfaces.MANAGER_INTERFACE, interfaces.INCIDENT_INTERFACE, interfaces.ALERT_INTERFACE)
_EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def introspection(shown: Iterable[Interface], children: Iterable[str]) -> str:
    """What an object with the interfaces ``shown`` answers, and the objects below it."""
    lines = [line for interface in shown for line in _interface(interface, is_documented=False)]
    lines.extend(f"  <node name={quoteattr(name)}/>" for name in children)
    return "\n".join((f"{DOCTYPE}<node>", *lines, "</node>", ""))


def document(interface: Interface) -> str:
    """The interface with what it means."""
    return "\n".join((f"{DOCTYPE}<node>", *_interface(interface, is_documented=True), "</node>", ""))


def _interface(interface: Interface, *, is_documented: bool) -> Iterator[str]:
    if is_documented:
        yield from _comment("  ", (f"{interface.name}:", *interface.text.split("\n")))
    yield f"  <interface name={quoteattr(interface.name)}>"
    for method in interface.methods:
        yield from _member("method", method, (("in", method.takes), ("out", method.gives)), is_documented=is_documented)
    for signal in interface.signals:
        yield from _member("signal", signal, (("", signal.carries),), is_documented=is_documented)
    for each in interface.properties:
        yield from _property(each, is_documented=is_documented)
    yield "  </interface>"


def _member(
    kind: str, member: Method | Signal, ways: Sequence[tuple[str, Sequence[Argument]]], *, is_documented: bool
) -> Iterator[str]:
    if is_documented:
        told = (line for _, arguments in ways for each in arguments for line in f"@{each.name}: {each.text}".split("\n"))
        yield from _comment("    ", (f"{member.name}:", *told, "", *member.text.split("\n")))
    lines = [
        f"      <arg name={quoteattr(each.name)} type={quoteattr(each.type)}{f' direction={quoteattr(way)}' if way else ''}/>"
        for way, arguments in ways
        for each in arguments
    ]
    if not lines:
        yield f"    <{kind} name={quoteattr(member.name)}/>"
        return
    yield from (f"    <{kind} name={quoteattr(member.name)}>", *lines, f"    </{kind}>")


def _property(shown: Property, *, is_documented: bool) -> Iterator[str]:
    if is_documented:
        yield from _comment("    ", (f"{shown.name}:", "", shown.text))
    yield f'    <property name={quoteattr(shown.name)} type={quoteattr(shown.type)} access="read">'
    if shown.is_constant:
        yield f'      <annotation name="{_EMITS}" value="const"/>'
    yield "    </property>"


def _comment(indent: str, lines: Iterable[str]) -> Iterator[str]:
    """As gtk-doc reads it (D-Bus API Design Guidelines, Documentation)."""
    yield f"{indent}<!--"
    for line in lines:
        yield f"{indent}  {escape(line)}".rstrip()
    yield f"{indent}-->"


def main(directory: Path) -> None:
    """Write each interface's document into ``directory``."""
    for interface in DOCUMENTED:
        (directory / f"{interface.name}.xml").write_text(document(interface), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
