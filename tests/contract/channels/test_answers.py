"""What an answer means: taken, try again, never, or nobody knows; and that no answer tells a secret."""

from __future__ import annotations

import base64
import json
import re
import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from werkzeug import Response

from axion_bus.errors import DeliveryFailed
from tests.contract.channels.conftest import CANARY, SECRETS, SECTIONS, TAKEN

HTTP = sorted(SECTIONS)
PERMANENT = (301, 400, 401, 403, 404)
TRANSIENT = (408, 425, 429, 500, 503)


async def failure(made, letter):
    with pytest.raises(DeliveryFailed) as caught:
        await made.send(letter)
    return caught.value


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("status", [*PERMANENT, *TRANSIENT])
async def test_a_status_says_whether_to_try_again(sink, channel, letter, name, status):
    sink.answers = [(status, {"error": "why not"}, {"Location": "http://127.0.0.1:1/elsewhere"})]

    async with channel(name) as made:
        failed = await failure(made, letter)

    assert (status in PERMANENT, False) == (failed.is_permanent, failed.is_ambiguous)
    assert f"answered {status}" in str(failed)
    assert "why not" in str(failed)
    assert 1 == len(sink.seen)  # no redirect was followed


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_heard(sink, channel, letter, headers, expected):
    sink.answers = [(429, {}, headers)]

    async with channel("PAGERDUTY") as made:
        failed = await failure(made, letter)

    assert expected == failed.retry_after_s


async def test_the_providers_body_is_kept_up_to_a_kibibyte(sink, channel, letter):
    sink.answers = [(400, "x" * 5000)]

    async with channel("PAGERDUTY") as made:
        failed = await failure(made, letter)

    assert 900 < str(failed).count("x") <= 1024


async def test_retry_after_may_be_a_date_by_the_servers_own_clock(sink, channel, letter):
    at = datetime.now(UTC) + timedelta(seconds=600)
    sink.answers = [(429, {}, {"Retry-After": format_datetime(at, usegmt=True)})]

    async with channel("PAGERDUTY") as made:
        failed = await failure(made, letter)

    assert 500 < failed.retry_after_s <= 600


@pytest.mark.parametrize("name", HTTP)
async def test_garbage_beside_a_good_status_is_taken_for_what_the_status_says(sink, channel, letter, name):
    sink.answers = [(200, "\x00<html>not json", {"Content-Type": "application/json"})]

    async with channel(name) as made:
        if name == "SLACK":  # it says ok in its body, and nowhere else
            assert (await failure(made, letter)).is_permanent
        else:
            await made.send(letter)


@pytest.mark.parametrize(
    ("error", "is_permanent"), [("channel_not_found", True), ("invalid_auth", True), ("internal_error", False)]
)
async def test_slack_refuses_with_a_status_of_200(sink, channel, letter, error, is_permanent):
    sink.answers = [(200, {"ok": False, "error": error})]

    async with channel("SLACK") as made:
        failed = await failure(made, letter)

    assert (is_permanent, True) == (failed.is_permanent, error in str(failed))


async def test_twilio_refuses_with_a_status_of_201(sink, channel, letter):
    sink.answers = [(201, {"sid": "SM1", "status": "failed", "error_code": 30007, "error_message": "Carrier violation"})]

    async with channel("SMS") as made:
        failed = await failure(made, letter)

    assert (True, True) == (failed.is_permanent, "30007 Carrier violation" in str(failed))


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 202 Acc", b"HTTP/1.1 202 OK\r\nContent-Length: 100\r\n\r\nhalf", b"nonsense\r\n\r\n"]
)
async def test_half_an_answer_leaves_it_open_whether_it_was_taken(raw_sink, channel, letter, answer):
    async with channel("PAGERDUTY", base_url=raw_sink(answer)) as made:
        failed = await failure(made, letter)

    assert (False, True) == (failed.is_permanent, failed.is_ambiguous)


async def test_no_answer_at_all_leaves_it_open_and_ends_in_time(raw_sink, channel, letter):
    async with channel("PAGERDUTY", base_url=raw_sink(None), timeout_s=0.3) as made:
        failed = await failure(made, letter)

    assert (False, True, True) == (failed.is_permanent, failed.is_ambiguous, "within 0.3 s" in str(failed))


async def test_a_port_where_nobody_listens_is_worth_another_try(channel, letter, unused_tcp_port):
    async with channel("PAGERDUTY", base_url=f"http://127.0.0.1:{unused_tcp_port}") as made:
        failed = await failure(made, letter)

    assert (False, False) == (failed.is_permanent, failed.is_ambiguous)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1", "https://localhost", "https://10.0.0.1", "https://[::1]", "https://169.254.169.254"]
)
async def test_a_private_address_is_never_connected_to_unless_it_is_allowed(channel, letter, url):
    async with channel("PAGERDUTY", base_url=url, allow_private=False) as made:
        failed = await failure(made, letter)

    assert (True, True) == (failed.is_permanent, "not public" in str(failed))


async def test_a_host_that_takes_no_connection_in_time_was_told_nothing(channel, letter):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with closing(socket.create_connection(address)):  # fills its queue, so that the next one waits for ever
            async with channel("PAGERDUTY", base_url=f"http://127.0.0.1:{address[1]}", timeout_s=0.3) as made:
                failed = await failure(made, letter)

    assert (False, False) == (failed.is_permanent, failed.is_ambiguous)


async def test_a_message_that_is_to_be_edited_and_is_gone_is_known_for_that(sink, channel, letter):
    sink.answers = [(404, {"message": "Unknown Message", "code": 10008})]

    async with channel("DISCORD") as made:
        edited, posted = await failure(made, replace(letter, thread="1050")), await failure(made, letter)

    assert (True, False) == (edited.is_thread_gone, posted.is_thread_gone)


@pytest.mark.parametrize(("error", "is_gone"), [("thread_not_found", True), ("channel_not_found", False)])
async def test_a_thread_that_is_gone_is_known_for_that(sink, channel, letter, error, is_gone):
    sink.answers = [(200, {"ok": False, "error": error})]

    async with channel("SLACK") as made:
        failed = await failure(made, replace(letter, thread="C1:17.0"))

    assert (True, is_gone) == (failed.is_permanent, failed.is_thread_gone)


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_provider_that_says_what_it_was_told_tells_no_secret(sink, channel, letter, name, status):
    def echo(request):
        told = f"{request.method} {request.full_path}\n{dict(request.headers)}\n{request.get_data(as_text=True)}"
        sink.echoed.append(told)
        return Response(json.dumps({"ok": True, "told": told}), status, content_type="application/json")

    sink.echoed = []
    sink.clear()
    sink.expect_request(re.compile(".*")).respond_with_handler(echo)
    async with channel(name) as made:
        try:
            kept = repr(await made.send(letter))
        except DeliveryFailed as failed:
            kept = str(failed)

    credentials = base64.b64encode(f"AC17:{CANARY}".encode()).decode()
    was_told = CANARY in sink.echoed[0] or credentials in sink.echoed[0]
    assert was_told == (name != "WEBHOOK")  # whose secret only signs
    assert (CANARY in kept, credentials in kept) == (False, False)


@pytest.mark.parametrize("value", [f"{CANARY}\nX", f"{CANARY}\x00"])
async def test_a_secret_that_cannot_be_a_header_is_refused_and_not_told(channel, letter, monkeypatch, value):
    monkeypatch.setitem(SECRETS, "KEY", value)

    async with channel("SLACK") as made:
        failed = await failure(made, letter)

    assert (True, False, False) == (failed.is_permanent, failed.is_ambiguous, CANARY in str(failed))


@pytest.mark.parametrize("address", [f"https://hooks.slack.com:{CANARY}/x", CANARY, "https://", f"ftp://x/{CANARY}"])
async def test_an_address_that_is_none_is_refused_and_not_told(channel, letter, monkeypatch, address):
    monkeypatch.setitem(SECRETS, "SLACK", address)

    async with channel("SLACK", token=None, channel=None, webhook_url={"env": "SLACK"}, base_url=None) as made:
        failed = await failure(made, letter)

    assert (True, False) == (failed.is_permanent, CANARY in str(failed))


@pytest.mark.parametrize("name", HTTP)
async def test_no_failure_tells_the_secret(sink, channel, letter, name):
    sink.answers = [(400, {"error": "bad"}), (500, {"error": "worse"}), TAKEN[name]]

    async with channel(name) as made:
        told = [str(await failure(made, letter)), str(await failure(made, letter)), repr(await made.send(letter)), repr(made)]

    assert CANARY not in "".join(told)
