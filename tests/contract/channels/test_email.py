"""EMAIL against a real mail server: what it says becomes a receipt, another try, the end, or doubt; and no text breaks a header."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
import trustme

from axion_bus.channels import configured
from axion_bus.config import parse
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Letter
from tests.servers.mail import DROP, HANG, MailServer

LETTER = Letter(
    guid="letter-1",
    reference="REF-20251229-A7K",
    recipient="ops@example.com",
    subject="[CRITICAL] DB down (CREATED) REF-20251229-A7K",
    text="All slots are taken.\n",
    html="<p>All slots are taken.</p>",
    incident_guid="incident-1",
)


@pytest.fixture
def server():
    with MailServer() as running:
        yield running


def email(server, **more):
    section = {
        "host": "127.0.0.1", "port": server.port, "starttls": False, "timeout_s": 5.0, "from": "Axion <axion@example.com>",
        "to": ["ops@example.com"], **more,
    }  # fmt: skip
    return configured(parse({"channels": {"email": section}}, environ={"PASSWORD": "canary"}).channels)["EMAIL"]


async def failure(server, letter=LETTER, **more):
    with pytest.raises(DeliveryFailed) as failed:
        await email(server, **more).send(letter)
    return failed.value


async def test_a_message_is_text_beside_html_with_a_stable_name(server):
    await email(server).send(LETTER)
    await email(server).send(LETTER)

    first, second = server.taken
    assert "<letter-1@example.com>" == first["Message-ID"] == second["Message-ID"]
    assert ("Axion <axion@example.com>", "ops@example.com") == (first["From"], first["To"])
    assert ("[CRITICAL] DB down (CREATED) REF-20251229-A7K", "<incident-1@example.com>") == (first["Subject"], first["References"])
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in first.iter_parts()]
    assert ["All slots are taken.", "<p>All slots are taken.</p>"] == [part.get_content().strip() for part in first.iter_parts()]
    assert ("axion@example.com", ["ops@example.com"]) == server.envelopes[0]


async def test_a_letter_without_html_is_plain_text(server):
    await email(server).send(replace(LETTER, html=None))

    assert "text/plain" == server.taken[0].get_content_type()


@pytest.mark.parametrize(
    ("answer", "queue_id"),
    [
        ("250 2.0.0 Ok: queued as 4QbJ3k1", "4QbJ3k1"),
        ("250 2.0.0 Ok: queued as <17.x@mail>", "17.x@mail"),
        ("250 OK id=1sX2yZ-0001aB-Cd", "1sX2yZ-0001aB-Cd"),
        ("250 2.0.0 5BTA17 Message accepted for delivery", "5BTA17"),
        ("250 Thank you", None),
    ],
)
async def test_the_servers_queue_id_is_the_external_id(server, answer, queue_id):
    server.at_data = answer

    assert queue_id == (await email(server).send(LETTER)).external_id


@pytest.mark.parametrize(
    ("stage", "answer", "is_permanent", "is_ambiguous"),
    [
        ("at_recipient", "450 4.2.0 greylisted", False, False),
        ("at_recipient", "550 5.1.1 no such user", True, False),
        ("at_recipient", DROP, False, False),
        ("at_data", "451 4.3.0 try later", False, False),
        ("at_data", "552 5.3.4 too big", True, False),
        ("at_data", DROP, False, True),
    ],
)
async def test_an_answer_says_whether_to_try_again(server, stage, answer, is_permanent, is_ambiguous):
    setattr(server, stage, answer)

    failed = await failure(server)

    assert (is_permanent, is_ambiguous) == (failed.is_permanent, failed.is_ambiguous)
    assert (answer if answer != DROP else f"127.0.0.1:{server.port}") in str(failed)
    assert [] == server.taken


@pytest.mark.parametrize(("stage", "is_ambiguous"), [("at_recipient", False), ("at_data", True)])
async def test_a_server_that_says_nothing_is_left_in_time(server, stage, is_ambiguous):
    setattr(server, stage, HANG)

    failed = await failure(server, timeout_s=0.3)

    assert (False, is_ambiguous) == (failed.is_permanent, failed.is_ambiguous)
    assert "within 0.3 s" in str(failed)


@pytest.mark.parametrize("answer", [HANG, DROP, "554 never"])
async def test_a_message_that_was_taken_is_delivered_however_the_server_takes_our_leave(server, answer):
    server.at_quit = answer

    assert "4QbJ3k1" == (await email(server).send(LETTER)).external_id


async def test_a_server_that_is_down_is_tried_again(server):
    server.stop()

    failed = await failure(server)

    assert (False, False) == (failed.is_permanent, failed.is_ambiguous)
    assert f"127.0.0.1:{server.port} could not be reached" in str(failed)


async def test_a_server_without_starttls_gets_nothing_where_it_is_wanted(server):
    failed = await failure(server, starttls=True)

    assert "STARTTLS" in str(failed)
    assert [] == server.offered


async def test_a_message_goes_by_starttls_to_a_server_whose_certificate_is_trusted(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with MailServer(tls=context) as server:
        assert "certificate" in str(await failure(server, starttls=True, host="localhost"))
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        await email(server, starttls=True, host="localhost").send(LETTER)

    assert 1 == len(server.taken)


async def test_a_message_goes_by_tls_from_the_first_byte_on_to_a_server_whose_certificate_is_trusted(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with MailServer(tls=context, at_once=True) as server:
        assert "certificate" in str(await failure(server, tls=True, host="localhost"))
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        await email(server, tls=True, host="localhost").send(LETTER)

    assert 1 == len(server.taken)


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: x@example.com", "a\nX-Evil: 1\n\nbody", "a\x00b\x1b[2Jc", "a\u2028b\u202ec", "\r", "é" * 600]
)
async def test_no_subject_breaks_a_header(server, evil):
    await email(server).send(replace(LETTER, subject=f"[HIGH] {evil} REF"))

    (message,) = server.taken
    assert {"from", "to", "subject", "date", "message-id", "auto-submitted", "references", "mime-version", "content-type"} == {
        name.lower() for name in message
    }
    subject = message["Subject"]
    assert subject.isprintable()
    assert subject.startswith("[HIGH] ")
    assert subject.endswith(" REF")


@pytest.mark.parametrize("recipient", ["a@example.com\r\nBcc: b@example.com", "", "ops", "<@> x"])
async def test_what_is_no_address_gets_nothing(server, recipient):
    failed = await failure(server, replace(LETTER, recipient=recipient))

    assert failed.is_permanent
    assert [] == server.offered


async def test_no_recipient_becomes_another_command(server):
    await email(server).send(replace(LETTER, recipient="a@example.com> NOTIFY=NEVER"))

    assert [("axion@example.com", ["a@example.com"])] == server.envelopes


@pytest.mark.parametrize(
    "text", [".\n", "..\n.\nQUIT\n", "\r\n.\r\nMAIL FROM:<x>\r\n", "x" * 5000 + "\n", "🚒\n", "From me\n", "\x00\n"]
)
async def test_a_text_arrives_as_it_is(server, text):
    await email(server).send(replace(LETTER, html=None, text=text))

    assert text.replace("\r\n", "\n") == server.taken[0].get_content().replace("\r\n", "\n")


async def test_a_refused_login_says_so_without_the_password(server):
    failed = await failure(server, username="axion", password={"env": "PASSWORD"})

    assert "AUTH" in str(failed)
    assert "canary" not in str(failed)
