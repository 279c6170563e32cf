"""What goes out as one message, and which messages follow another one."""

from __future__ import annotations

import pytest

from axion_bus.errors import DeliveryFailed
from axion_bus.pipeline.delivery import Fate
from axion_bus.pipeline.letters import bundles
from axion_bus.ports import Receipt
from tests.builders import a_page
from tests.fakes import FakeChannel, LoopClock, Row, time_passes


@pytest.fixture
def clock():
    return LoopClock()


def timeline(store):
    return [entry.incident_guid for entry in store.tables.timeline]


async def test_what_follows_is_sent_into_the_thread_of_the_first_message(send, put):
    put(a_page(), a_page("page-2", occasion="closed"))
    channel = FakeChannel(Receipt("C1:17"), Receipt("C1:18"))

    await send(channel)
    await time_passes(0.2)
    await send(channel)

    assert [None, "C1:17"] == [letter.thread for letter in channel.letters]


async def test_another_person_s_thread_is_another(send, put):
    put(a_page())
    channel = FakeChannel(Receipt("C1:17"))
    await send(channel)
    put(a_page("page-2", recipient="#dba", occasion="closed"))

    await send(channel)

    assert channel.letters[1].thread is None


async def test_a_report_has_no_thread(send, put):
    put(a_page())
    channel = FakeChannel(Receipt("C1:17"))
    await send(channel)
    put(a_page("page-2", occasion="report"))

    await send(channel)

    assert channel.letters[1].thread is None


async def test_when_the_thread_is_gone_the_message_is_sent_by_itself(send, put, row, store):
    put(a_page())
    gone = DeliveryFailed("discord.com answered 404: Unknown Message", is_permanent=True, is_thread_gone=True)
    channel = FakeChannel(Receipt("1050"), gone, Receipt("1051"))
    await send(channel)
    put(a_page("page-2", occasion="closed"))

    first, second = await send(channel), await send(channel)

    assert (Fate.POSTPONED, Fate.SENT) == (first, second)
    assert [None, "1050", None] == [letter.thread for letter in channel.letters]
    assert [("page-1", 1), ("page-2", 1), ("page-2", 2)] == [(each.guid, each.attempt) for each in store.tables.attempts]
    assert ("SENT", "1051") == (row("page-2").status.value, row("page-2").external_id)


async def test_a_first_message_that_is_refused_is_not_tried_again_for_the_sake_of_a_thread(send, put, row):
    put(a_page())

    await send(FakeChannel(DeliveryFailed("404", is_permanent=True, is_thread_gone=True)))

    assert "FAILED" == row().status.value


async def test_several_that_say_the_same_are_one_message_with_their_number(send, put, row, store):
    pages = [a_page(f"page-{n}", incident=f"incident-{n}", title="[HIGH] Disk full") for n in range(3)]
    put(*pages)
    channel = FakeChannel(Receipt("C1:17"))

    fate = await send(channel)

    [letter] = channel.letters
    assert (Fate.SENT, "3x [HIGH] Disk full REF-page-0") == (fate, letter.subject)
    assert letter.text.endswith("\n3 like this, the others: REF-page-1, REF-page-2\n")
    assert [("SENT", "C1:17", {"message": "REF-page-0", "count": 3})] * 3 == [
        (row(each.guid).status.value, row(each.guid).external_id, row(each.guid).metadata["bundle"]) for each in pages
    ]
    assert {"incident-0", "incident-1", "incident-2"} == set(timeline(store))


async def test_what_follows_a_message_about_several_incidents_has_no_thread(send, put):
    put(*(a_page(f"page-{n}", incident=f"incident-{n}", title="[HIGH] Disk full") for n in range(2)))
    channel = FakeChannel(Receipt("C1:17"))
    await send(channel)
    put(a_page("page-9", incident="incident-0", occasion="closed"))

    await send(channel)

    assert channel.letters[1].thread is None


async def test_what_tells_of_several_incidents_has_no_thread_either(send, put):
    put(a_page("page-0", incident="incident-0"))
    channel = FakeChannel(Receipt("C1:17"))
    await send(channel)
    put(*(a_page(f"closed-{n}", incident=f"incident-{n}", occasion="closed", title="Disk full") for n in range(2)))

    await send(channel)

    assert [None, None] == [letter.thread for letter in channel.letters]


async def test_two_messages_about_one_incident_are_told_one_after_the_other(send, put, store):
    put(a_page("page-0"), a_page("page-1", recipient="#dba"))

    await send(FakeChannel())

    assert (3, 3) == (store.tables.incidents["incident-1"].version, store.tables.incidents["incident-1"].sequence)


def test_a_bundle_is_one_person_one_occasion_one_title():
    rows = [
        Row(page).outgoing
        for page in (
            a_page("same-1", title="t"),
            a_page("same-2", title="t"),
            a_page("person", title="t", recipient="#dba"),
            a_page("occasion", title="t", occasion="closed"),
            a_page("title", title="u"),
            a_page("report-1", title="t", occasion="report"),
            a_page("report-2", title="t", occasion="report"),
            a_page("answer-1", title=None, occasion=None),
            a_page("answer-2", title=None, occasion=None),
        )
    ]

    expected = [
        ["same-1", "same-2"], ["person"], ["occasion"], ["title"], ["report-1"], ["report-2"], ["answer-1"], ["answer-2"],
    ]  # fmt: skip
    assert expected == [[each.guid for each in bundle] for bundle in bundles(rows)]
