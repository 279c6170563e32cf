"""How the daemon starts: what keeps it from starting, what it waits for, and who may run beside it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

from axion_bus.domain.events import Event, EventKind
from axion_bus.formats.events import encode
from tests.builders import an_incident
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber
from tests.fakes import NOON
from tests.servers import wait_until


def test_a_second_daemon_with_the_same_client_id_is_refused(broker, mariadb, make_daemon):
    store = mariadb.fresh_database()
    first = make_daemon(store=store, broker=broker.url, instance="first", client_id="one").start()
    second = make_daemon(store=store, broker=broker.url, instance="second", client_id="one").spawn()

    code = second.wait()

    assert (code, first.is_running, "another daemon runs with this [mqtt] client_id" in second.tail()) == (4, True, True)


def test_a_second_daemon_on_the_same_sqlite_database_is_refused(broker, sqlite_url, make_daemon):
    first = make_daemon(store=sqlite_url, broker=broker.url, instance="first").start()
    second = make_daemon(store=sqlite_url, broker=broker.url, instance="second").spawn()

    code = second.wait()

    assert (code, first.is_running, "another daemon works on this database" in second.tail()) == (4, True, True)


def test_a_daemon_follows_one_that_was_killed_at_once(broker, store_url, make_daemon):
    daemon = make_daemon(store=store_url, broker=broker.url).start()
    daemon.kill()

    daemon.start()

    assert daemon.is_running


def test_a_faulty_configuration_ends_with_6_and_every_fault(broker, sqlite_url, make_daemon):
    daemon = make_daemon(store=sqlite_url, broker=broker.url, more='[nonsense]\nx = 1\n[correlation]\ncreate_at = "LOUD"').spawn()

    code = daemon.wait()

    assert (code, "nonsense" in daemon.tail(), "correlation.create_at" in daemon.tail()) == (6, True, True)
    assert "Traceback" not in daemon.tail()


def test_a_secret_that_is_not_there_ends_with_6(broker, sqlite_url, make_daemon):
    daemon = make_daemon(store=sqlite_url, broker=broker.url, mqtt='username = "x"\npassword = { env = "NOT_SET_AT_ALL" }').spawn()

    code = daemon.wait()

    assert (code, "NOT_SET_AT_ALL" in daemon.tail()) == (6, True)


def test_a_daemon_whose_database_is_away_waits_for_it_and_then_is_ready(broker, own_mariadb, make_daemon):
    store = own_mariadb.fresh_database()
    own_mariadb.stop()
    daemon = make_daemon(store=store, broker=broker.url).spawn()
    wait_until(lambda: any("waiting for the database" in said for said in daemon.notifications), "it says that it waits")
    was_ready = daemon.is_ready()
    own_mariadb.start()

    daemon.wait_ready()

    assert (was_ready, daemon.is_ready()) == (False, True)


def test_a_database_newer_than_the_program_is_refused(broker, store_url, make_daemon):
    daemon = make_daemon(store=store_url, broker=broker.url).start()
    daemon.stop()
    ledger.query(store_url, "UPDATE alembic_version SET version_num = '9999'")

    daemon.spawn()
    code = daemon.wait()

    assert (code, "newer" in daemon.tail()) == (4, True)


def test_rows_that_another_process_queued_are_published_within_a_second(broker, store_url, make_daemon, base_topic):
    start_hearing(make_daemon(store=store_url, broker=broker.url))
    waits_s = []
    with Subscriber(broker.port, f"{base_topic}/events/#") as subscriber:
        for number in range(1, 6):
            queued_at = time.monotonic()
            queue(store_url, f"{base_topic}/events/incident/note-added", number)
            wait_until(lambda n=number: len(subscriber.messages) == n, "it is published", every_s=0.005)
            waits_s.append(time.monotonic() - queued_at)

    assert sorted(waits_s)[2] < 1


def queue(store, topic, number):
    """Put an event into the outbox as another process does."""
    event = Event(kind=EventKind.INCIDENT_NOTE_ADDED, reason="note_added", by="ada", incident=an_incident(), sequence=number)
    guid, reference = str(uuid.uuid4()), f"REF-20250101-{number:07}"
    row = {
        "CommunicationGuid": guid,
        "ShortRef": reference,
        "Channel": "MQTT",
        "Direction": "OUTBOUND",
        "Status": "PENDING",
        "Message": encode(event, event_id=guid, reference=reference, instance="other", at=NOON),
        "Recipient": topic,
        "Metadata": "{}",
        "Timestamp": (now := datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")),
        "NextAttemptAt": now,
    }
    places = ", ".join(["%s"] * len(row))
    ledger.query(store, f"INSERT INTO data_incident_communication ({', '.join(row)}) VALUES ({places})", *row.values())
