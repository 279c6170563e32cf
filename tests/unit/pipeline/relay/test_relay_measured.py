"""What the relay tells its meter of each attempt to publish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from axion_bus.pipeline.relay import ANSWER_ATTEMPTS
from axion_bus.telemetry.figures import Figures
from tests.fakes import Row, until


@pytest.fixture
def figures() -> Figures:
    return Figures()


async def test_an_event_counts_by_how_its_attempt_ended(relaying, queue, publisher, figures):
    queue("a", 1)
    queue("b", 1)
    publisher.refuses = lambda published: published.is_event and len(publisher.events) == 1

    async with relaying(meter=figures, retry_base_s=1, retry_max_s=1):
        await until(lambda: figures.sends["MQTT", "sent"] == 2)

    assert {("MQTT", "sent"): 2, ("MQTT", "postponed"): 1} == figures.sends
    assert 3 == sum(figures.sends_s["MQTT"].counts)


async def test_the_time_of_an_attempt_is_until_the_broker_has_it_or_nobody_waits_any_more(relaying, queue, publisher, figures):
    queue("a", 1)
    publisher.holds = lambda published: published.is_event

    async with relaying(meter=figures, attempt_timeout_s=4, retry_base_s=60, retry_max_s=60):
        await until(lambda: figures.sends["MQTT", "postponed"])

    assert figures.sends_s["MQTT"].total == pytest.approx(4, abs=0.1)


async def test_an_answer_that_nobody_takes_is_given_up_in_the_end(relaying, queue, publisher, figures, store):
    queue("a", 1)
    answer = replace(store.tables.rows["a/1"].communication, metadata={"request": "get-incident"})
    store.tables.rows["a/1"] = Row(answer)
    publisher.refuses = lambda published: not published.retain

    async with relaying(meter=figures, retry_base_s=0.1, retry_max_s=0.1):
        await until(lambda: figures.sends["MQTT", "given_up"])

    assert {("MQTT", "postponed"): ANSWER_ATTEMPTS - 1, ("MQTT", "given_up"): 1} == figures.sends
