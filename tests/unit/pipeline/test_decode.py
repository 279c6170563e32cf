"""Which configured source reads a message, what it fills in, and which messages are refused unread."""

from __future__ import annotations

import pytest

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel, Fault
from axion_bus.formats import FormatName, Malformed, decoder
from axion_bus.pipeline.decode import Source, Sources
from axion_bus.ports import ORIGIN_PROPERTY, Attributes
from tests.fakes import FakeBus

TEXT = decoder(FormatName.TEXT, None)
NATIVE = decoder(FormatName.NATIVE, None)


def read(body, *configured, most=1000, **given):
    """What the sources make of one message."""
    configured = configured or (Source(topic_filter="axion/alerts/#", decode=NATIVE),)
    sources = Sources(configured, base_topic="axion", instance="test", max_payload_bytes=most)
    return [element.content for element in sources.decode(FakeBus().message(body, **given))]


def fault(found):
    [content] = found
    assert isinstance(content, Malformed)
    return content.fault


def test_the_first_source_whose_filter_matches_reads_a_message():
    sources = [
        Source(topic_filter="sensors/+/alarm", decode=TEXT, source="first"),
        Source(topic_filter="sensors/#", decode=TEXT, source="second"),
    ]

    names = [read(b"hot", *sources, address=topic)[0].source for topic in ("sensors/a/alarm", "sensors/a/b/alarm")]

    assert ["first", "second"] == names


@pytest.mark.parametrize(
    ("topic", "source", "package"),
    [
        ("axion/alerts/web/api", "web", "api"),
        ("axion/alerts/web/api/more", "web", "api"),
        ("axion/alerts/web", "web", "UNKNOWN"),
        ("axion/alerts/", "axion/alerts/", "UNKNOWN"),
        ("sensors/a/alarm", "sensors/a/alarm", "UNKNOWN"),
    ],
)
def test_the_topic_fills_in_source_and_package(topic, source, package):
    [alert] = read({"title": "hot"}, Source(topic_filter="#", decode=NATIVE), address=topic)

    assert (source, package, Severity.MEDIUM) == (alert.source, alert.package, alert.severity)


def test_what_the_configuration_says_of_a_source_comes_before_the_topic():
    configured = Source(topic_filter="#", decode=NATIVE, source="plc", package="SENSORS", severity=Severity.CRITICAL)

    [alert] = read({"title": "hot"}, configured)

    assert ("plc", "SENSORS", Severity.CRITICAL) == (alert.source, alert.package, alert.severity)


def test_what_the_alert_says_of_itself_comes_first():
    configured = Source(topic_filter="#", decode=NATIVE, source="plc", package="SENSORS", severity=Severity.CRITICAL)

    [alert] = read({"title": "hot", "source": "oven", "package": "KITCHEN", "severity": "LOW"}, configured)

    assert ("oven", "KITCHEN", Severity.LOW) == (alert.source, alert.package, alert.severity)


def test_a_topic_longer_than_a_source_may_be_is_cut():
    [alert] = read({"title": "hot"}, Source(topic_filter="#", decode=NATIVE), address="x/" * 200)

    assert ("x/" * 200)[:255] == alert.source


def test_topics_without_end_are_read_all_the_same():
    sources = Sources([Source(topic_filter="#", decode=TEXT)], base_topic="axion", instance="test", max_payload_bytes=1000)
    bus = FakeBus()

    read = [sources.decode(bus.message(b"x", address=f"axion/alerts/{number}"))[0].content.source for number in range(5000)]

    assert [str(number) for number in range(5000)] == read
    assert len(sources._known) < 5000


def test_a_retained_message_is_refused():
    assert fault(read({"title": "hot"}, retained=True)) is Fault.RETAINED


def test_a_topic_that_is_not_utf_8_is_refused():
    assert fault(read({"title": "hot"}, address="axion/alerts/\\xff", bad_address=True)) is Fault.BAD_TOPIC


def test_a_message_that_is_larger_than_allowed_is_refused():
    assert fault(read(b"x" * 1001)) is Fault.TOO_LARGE
    assert fault(read(b"x" * 1000)) is not Fault.TOO_LARGE


def test_what_this_instance_has_published_itself_is_refused():
    ours, theirs = (Attributes(properties=((ORIGIN_PROPERTY, instance),)) for instance in ("test", "other"))

    assert fault(read({"title": "hot"}, attributes=ours)) is Fault.OWN_PUBLICATION
    assert read({"title": "hot"}, attributes=theirs)[0].title == "hot"


def test_the_bus_tells_the_format_what_it_knows():
    seen = []

    def decode(body, context):
        seen.append((body, context.topic, context.content_type, context.properties))
        return []

    read(b"x", Source(topic_filter="#", decode=decode), address="a/b", attributes=Attributes("text/plain", (("k", "v"),)))

    assert [(b"x", "a/b", "text/plain", (("k", "v"),))] == seen


def of_dbus(body, *, signals=None, **given):
    """What is made of a D-Bus message."""
    source = Source(topic_filter="#", decode=TEXT)
    sources = Sources([source], base_topic="axion", instance="host-1", max_payload_bytes=1000, signals=signals)
    message = FakeBus().message(body, channel=Channel.DBUS, address="/org/axion/Bus1", **given)
    return [element.content for element in sources.decode(message)]


def test_a_dbus_message_without_a_source_is_a_native_alert():
    [alert] = of_dbus({"title": "Disk full"}, sender={"name": "org.example.Watch", "uid": 1000})

    assert ("Disk full", "org.example.Watch", "UNKNOWN") == (alert.title, alert.source, alert.package)


@pytest.mark.parametrize("sender", [None, {"name": ":1.7"}, {"uid": 0}])
def test_a_sender_without_a_name_that_lasts_is_this_instance(sender):
    [alert] = of_dbus({"title": "Disk full"}, sender=sender)

    assert "host-1" == alert.source


def test_a_dbus_message_with_a_source_is_read_by_that_one():
    signals = {"dbus.sources[0]": Source(topic_filter="", decode=TEXT, source="units", package="SYSTEMD")}

    [alert] = of_dbus(b"nginx.service failed", signals=signals, source="dbus.sources[0]")

    assert ("nginx.service failed", "units", "SYSTEMD") == (alert.title, alert.source, alert.package)


def test_what_the_adapter_refuses_is_refused():
    refusal = Malformed(fault=Fault.ACCESS_DENIED, place="", detail="uid 1000 is not on the list")

    assert [refusal] == of_dbus({"title": "Disk full"}, refusal=refusal)
