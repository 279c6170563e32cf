"""What an answer means: taken, try again, never, or nobody knows; and that no answer tells a secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from axion_bus.errors import DeliveryFailed
from tests.contract.channels.conftest import CANARY, SECTIONS, TAKEN

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


@pytest.mark.parametrize("name", HTTP)
async def test_no_failure_tells_the_secret(sink, channel, letter, name):
    sink.answers = [(400, {"error": "bad"}), (500, {"error": "worse"}), TAKEN[name]]

    async with channel(name) as made:
        told = [str(await failure(made, letter)), str(await failure(made, letter)), repr(await made.send(letter)), repr(made)]

    assert CANARY not in "".join(told)
