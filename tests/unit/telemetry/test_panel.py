"""What is read when somebody looks: the queue, the buses, and what the database answered last."""

from __future__ import annotations

from datetime import timedelta

from axion_bus import __version__
from axion_bus.ports import Backlog, Standing
from tests.fakes import NOON

OF_THE_DATABASE = ("axion_incidents_open", "axion_pending_messages", "axion_pending_oldest_seconds", "axion_relay_lag_seconds")


def backlog(messages, queued_s_ago, due_s_ago):
    return Backlog(messages=messages, queued_at=NOON - timedelta(seconds=queued_s_ago), due_at=NOON - timedelta(seconds=due_s_ago))


def test_the_build_is_told_by_labels(scrape):
    assert scrape()["axion_build_info", {"version": __version__}] == 1


def test_what_is_held_is_shown_with_the_age_of_the_oldest(queue, scrape):
    queue.held, queue.held_bytes, queue.is_paused, queue.oldest_at = 3, 700, True, NOON - timedelta(seconds=12)

    scraped = scrape()

    assert (3, 700) == (scraped["axion_intake_messages"], scraped["axion_intake_bytes"])
    assert (1, 12) == (scraped["axion_intake_paused"], scraped["axion_intake_lag_seconds"])


def test_a_clock_that_was_set_back_makes_no_negative_lag(queue, scrape):
    queue.oldest_at = NOON + timedelta(hours=1)

    assert scrape()["axion_intake_lag_seconds"] == 0


def test_with_nothing_held_there_is_no_lag(scrape):
    assert scrape()["axion_intake_lag_seconds"] == 0


def test_a_bus_is_connected_or_not_and_every_connection_counts(publisher, figures, scrape):
    figures.connections["MQTT"] = 4  # before a reload
    publisher.reconnect()
    publisher.is_connected = False

    scraped = scrape()

    assert (0, 6) == (scraped["axion_bus_connected", {"bus": "MQTT"}], scraped["axion_bus_connections_total", {"bus": "MQTT"}])


async def test_what_is_pending_is_shown_by_channel_with_its_age_and_lag(survey, surveyor, scrape):
    survey.standing_now = Standing(backlogs={"SLACK": backlog(5, 90, 30)}, open_incidents={})
    await surveyor.look()

    scraped = scrape()

    slack, mqtt = {"channel": "SLACK"}, {"channel": "MQTT"}
    assert (5, 0) == (scraped["axion_pending_messages", slack], scraped["axion_pending_messages", mqtt])
    assert (90, 0) == (scraped["axion_pending_oldest_seconds", slack], scraped["axion_pending_oldest_seconds", mqtt])
    assert (30, 0) == (scraped["axion_relay_lag_seconds", slack], scraped["axion_relay_lag_seconds", mqtt])


async def test_what_waits_for_a_later_attempt_does_not_lag(survey, surveyor, scrape):
    survey.standing_now = Standing(backlogs={"SLACK": backlog(1, 90, -60)}, open_incidents={})
    await surveyor.look()

    assert scrape()["axion_relay_lag_seconds", {"channel": "SLACK"}] == 0


async def test_ages_are_those_of_when_the_database_was_asked(survey, surveyor, scrape, clock):
    survey.standing_now = Standing(backlogs={"SLACK": backlog(1, 10, 10)}, open_incidents={})
    await surveyor.look()
    clock.advance(seconds=4)

    assert scrape()["axion_relay_lag_seconds", {"channel": "SLACK"}] == 10


async def test_a_channel_that_nobody_knows_is_another(survey, surveyor, scrape):
    survey.standing_now = Standing(
        backlogs={"PIGEON": backlog(1, 50, 20), "SMOKE": backlog(2, 40, 5), "EMAIL": backlog(4, 1, 1)}, open_incidents={}
    )
    await surveyor.look()

    scraped = scrape()

    shown = {sample.labels["channel"]: sample.value for sample in scraped.samples if sample.name == "axion_pending_messages"}
    assert {"MQTT": 0, "SLACK": 0, "EMAIL": 4, "other": 3} == shown
    assert (50, 20) == tuple(scraped[name, {"channel": "other"}] for name in OF_THE_DATABASE[2:])


async def test_every_severity_is_shown(survey, surveyor, scrape):
    survey.standing_now = Standing(backlogs={}, open_incidents={"HIGH": 7})
    await surveyor.look()

    shown = {s.labels["severity"]: s.value for s in scrape().samples if s.name == "axion_incidents_open"}

    assert {"LOW": 0, "MEDIUM": 0, "HIGH": 7, "CRITICAL": 0} == shown


async def test_while_the_database_is_away_its_figures_are_not_there(survey, surveyor, scrape):
    survey.standing_now = Standing(backlogs={"SLACK": backlog(5, 90, 30)}, open_incidents={"HIGH": 7})
    await surveyor.look()
    survey.is_away = True
    await surveyor.look()

    scraped = scrape()

    assert scraped["axion_store_up"] == 0
    assert [] == [value for name in OF_THE_DATABASE for value in scraped.all(name)]
    assert scraped["axion_sampled_timestamp_seconds"] == NOON.timestamp()


def test_before_the_database_was_asked_nothing_is_said_about_it(scrape):
    scraped = scrape()

    assert [] == [value for name in ("axion_store_up", "axion_sampled_timestamp_seconds") for value in scraped.all(name)]


async def test_a_database_that_answers_is_up(surveyor, scrape):
    await surveyor.look()

    assert scrape()["axion_store_up"] == 1


def test_names_of_the_process_are_not_those_of_node_exporter(scrape):
    names = scrape().families

    assert "axion_process_resident_memory_bytes" in names
    assert [] == [name for name in names if not name.startswith("axion_")]
