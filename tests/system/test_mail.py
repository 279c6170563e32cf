"""Mail from the daemon to a real server: later if it is down, again if the daemon is killed, given up in the end; all on record."""

from __future__ import annotations

import json

import pytest

from axion_bus import IncidentManager
from tests.chaos.ledger import query
from tests.chaos.scene import start_hearing
from tests.servers import wait_until
from tests.servers.mail import HANG, MailServer
from tests.system.asking import Listener, ask, publish

COMMUNICATIONS = "data_incident_communication"


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


class Office:
    """A daemon that mails to ``mail``, impatiently, and what became of it in the database."""

    def __init__(self, broker, base_topic, url, mail):
        self.broker = broker
        self.base_topic = base_topic
        self.url = url
        self.mail = mail

    def settings(self, relay=""):
        return f"""
[relay]
retry_base_s = 0.05
retry_max_s = 0.2
{relay}
[channels.email]
host = "127.0.0.1"
port = {self.mail.port}
starttls = false
rate = 100
from = "axion@example.com"
to = ["ops@example.com"]
"""

    def ask(self, verb, **arguments):
        return ask(self.broker, self.base_topic, verb, arguments)["data"]

    def notified(self):
        """The guid of an incident about which somebody is to be told by mail."""
        guid = self.ask("create-incident", title="Disk full", severity="HIGH", package="P")["incident_guid"]
        self.ask("notify", incident_guid=guid, notify_code="INCIDENT_CUSTOM")
        return guid

    def rows(self, direction="OUTBOUND"):
        sql = f"SELECT * FROM {COMMUNICATIONS} WHERE Channel = 'EMAIL' AND Direction = %s ORDER BY Timestamp"
        return query(self.url, sql, direction)

    def attempts(self, row):
        sql = "SELECT * FROM data_incident_communication_attempt WHERE CommunicationGuid = %s ORDER BY AttemptId"
        return query(self.url, sql, row["CommunicationGuid"])

    def kinds(self, guid):
        sql = "SELECT EventType FROM data_incident_timeline WHERE IncidentGuid = %s ORDER BY TimelineId"
        return [row["EventType"] for row in query(self.url, sql, guid)]


@pytest.fixture
def office(broker, base_topic, sqlite_url, mail):
    return Office(broker, base_topic, sqlite_url, mail)


@pytest.fixture
def make(office, make_daemon):
    """Makes its daemon; ``relay`` are more lines of that section."""
    return lambda relay="": make_daemon(store=office.url, broker=office.broker.url, more=office.settings(relay))


def test_a_report_that_no_server_took_is_pending_and_the_daemon_mails_it_when_there_is_one(office, make):
    office.mail.stop()
    daemon = make()
    with IncidentManager(daemon.config_file) as manager:
        guid = manager.create_incident("Disk full", "HIGH", "P", "97 %")
        told = manager.email_incident_report(guid, additional_recipients=["boss@example.com"])
        waiting = office.rows()
        with Listener(office.broker, f"{office.base_topic}/events/communication/#") as events:
            start_hearing(daemon)
            office.mail.start()
            wait_until(lambda: len(office.mail.taken) == 2, "the mails")
            sent = [topic for topic, _ in events.wait_for(2)]

    assert {"sent": 0, "failed": 0, "pending": 2} == told
    assert {"PENDING"} == {row["Status"] for row in waiting}
    assert all("could not be reached" in row["ErrorMessage"] for row in waiting)
    assert [f"{office.base_topic}/events/communication/sent"] * 2 == sent
    rows = office.rows()
    assert [("SENT", "4QbJ3k1", None)] * 2 == [(row["Status"], row["ExternalId"], row["ErrorMessage"]) for row in rows]
    assert ["FAILED", "SENT"] == [office.attempts(rows[0])[place]["Status"] for place in (0, -1)]
    assert ["NOTIFICATION_SENT"] * 2 == office.kinds(guid)[1:]
    message = office.mail.taken[0]
    assert {"ops@example.com", "boss@example.com"} == {each["To"] for each in office.mail.taken}
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in message.iter_parts()]
    text, page = (part.get_content() for part in message.iter_parts())
    assert "INCIDENT REPORT" in text
    assert "<svg" in page
    assert message["Subject"].startswith("Report: [HIGH] Disk full (CREATED) REF-")


def test_a_message_whose_sender_was_killed_is_sent_again_under_the_same_name(office, make):
    daemon = start_hearing(make())
    office.mail.at_data = HANG
    office.notified()
    wait_until(lambda: office.mail.offered, "the server has it, and has not said so")
    daemon.kill()
    office.mail.at_data = "250 OK"
    start_hearing(daemon)
    wait_until(lambda: office.rows()[0]["Status"] == "SENT", "it is sent again and settled")

    (row,) = office.rows()
    assert ["AMBIGUOUS", "SENT"] == [each["Status"] for each in office.attempts(row)]
    assert [f"<{row['CommunicationGuid']}@example.com>"] * 2 == [each["Message-ID"] for each in office.mail.offered]


@pytest.mark.parametrize(("answer", "relay"), [("451 4.3.0 try later", 'budget = "1s"'), ("554 5.7.1 never", "")])
def test_a_message_that_cannot_be_delivered_is_given_up_and_everybody_is_told(office, make, answer, relay):
    start_hearing(make(relay))
    office.mail.at_data = answer
    with Listener(office.broker, f"{office.base_topic}/events/communication/failed") as events:
        guid = office.notified()
        (_, slack), (_, email) = events.wait_for(2)

    (row,) = (each for each in office.rows() if each["IncidentGuid"] == guid)
    tries = office.attempts(row)
    assert ("FAILED", f"127.0.0.1:{office.mail.port} answered {answer}") == (row["Status"], row["ErrorMessage"])
    assert {"FAILED"} == {each["Status"] for each in tries}
    assert (answer[0] == "4") is (len(tries) > 1)
    assert "NOTIFICATION_FAILED" == office.kinds(guid)[-1]
    assert (guid, guid, row["ShortRef"]) == (slack["subject"], email["subject"], email["data"]["change"]["new"])


def test_a_persons_reply_is_obeyed_and_answered_by_mail(office, make):
    start_hearing(make())
    guid = office.notified()
    wait_until(lambda: office.mail.taken, "the notification")
    code = office.mail.taken[0]["Subject"].rpartition("-")[2]
    topic = f"{office.base_topic}/inbound/email"
    publish(office.broker, topic, {"from": "x@example.net", "message": f"close {code}", "external_id": "1"})
    for _ in range(2):
        publish(office.broker, topic, {"from": "ops@example.com", "message": f"ack {code}", "external_id": "2"})
    wait_until(lambda: len(office.mail.taken) == 2, "the answer")
    wait_until(lambda: len(office.rows("INBOUND")) == 3, "three replies")

    (incident,) = query(office.url, "SELECT * FROM data_incident WHERE IncidentGuid = %s", guid)
    assert ["sender_not_allowed", "reply_ack", "repeated_reply"] == [
        json.loads(row["Metadata"])["reason"] for row in office.rows("INBOUND")
    ]
    assert ("INVESTIGATING", "ops@example.com (EMAIL)") == (incident["Status"], incident["AssignedTo"])
    assert ("ops@example.com", f"Re: ack {code}") == (office.mail.taken[1]["To"], office.mail.taken[1]["Subject"])
    assert "Done: Disk full is INVESTIGATING." == office.mail.taken[1].get_content().strip()
