"""What is counted, and in what."""

from __future__ import annotations

from axion_bus.ports import Outcome
from axion_bus.telemetry.figures import Spread

SOURCE = "axion/alerts/#"


def test_an_alert_counts_for_its_source_and_what_became_of_it(figures, scrape):
    figures.accepted(SOURCE, [Outcome("REF-1", reason="opened"), Outcome("REF-2", reason="linked")], 0.2)
    figures.accepted(SOURCE, [Outcome("REF-3", reason="opened")], 0.2)

    scraped = scrape()
    assert scraped["axion_alerts_received_total", {"source": SOURCE, "outcome": "opened"}] == 2
    assert scraped["axion_alerts_received_total", {"source": SOURCE, "outcome": "linked"}] == 1


def test_what_has_a_fault_counts_as_refused_and_for_its_fault(figures, scrape):
    figures.accepted(SOURCE, [Outcome("REF-1", error="bad_json: ..", reason="bad_json")], 0.2)
    figures.accepted(None, [Outcome("REF-2", error="refused: ..", reason="refused")], 0.2)

    scraped = scrape()
    assert scraped["axion_alerts_received_total", {"source": SOURCE, "outcome": "refused"}] == 1
    assert scraped["axion_requests_received_total", {"outcome": "refused"}] == 1
    assert (1, 1) == (scraped["axion_refused_total", {"fault": "bad_json"}], scraped["axion_refused_total", {"fault": "refused"}])


def test_a_request_is_no_alert(figures, scrape):
    figures.accepted(None, [Outcome("REF-1", reason="command")], 0.2)

    scraped = scrape()
    assert scraped["axion_requests_received_total", {"outcome": "command"}] == 1
    assert scraped.all("axion_alerts_received_total") == []


def test_the_latency_of_a_message_counts_once_whatever_is_in_it(figures, scrape):
    figures.accepted(SOURCE, [Outcome("REF-1", reason="opened")] * 3, 0.2)

    scraped = scrape()
    assert scraped["axion_accept_duration_seconds_count"] == 1
    assert scraped["axion_accept_duration_seconds_sum"] == 0.2


def test_a_clock_that_was_set_back_makes_no_negative_latency(figures, scrape):
    figures.accepted(SOURCE, [Outcome("REF-1", reason="opened")], -3600.0)
    figures.sent("SLACK", "sent", -3600.0)

    scraped = scrape()
    assert scraped["axion_accept_duration_seconds_sum"] == 0
    assert scraped["axion_send_duration_seconds_sum", {"channel": "SLACK"}] == 0


def test_a_bucket_has_what_is_as_large_as_its_bound_and_all_below():
    spread = Spread((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 2.0, 3.0):
        spread.note(value)

    assert ([2, 2, 1], 8.0) == (spread.counts, spread.total)


def test_buckets_are_shown_as_they_add_up(figures, scrape):
    for messages in (1, 2, 2, 700, 5000):
        figures.batch(messages)

    scraped = scrape()
    shown = {le: scraped["axion_batch_messages_bucket", {"le": le}] for le in ("1.0", "2.0", "500.0", "1000.0", "+Inf")}
    assert {"1.0": 1, "2.0": 3, "500.0": 3, "1000.0": 4, "+Inf": 5} == shown


def test_what_may_happen_begins_at_zero(figures, scrape):
    figures.expect([SOURCE], ["SLACK"])

    scraped = scrape()
    assert scraped["axion_alerts_received_total", {"source": SOURCE, "outcome": "silenced"}] == 0
    assert scraped["axion_sends_total", {"channel": "SLACK", "status": "given_up"}] == 0
    assert scraped["axion_send_duration_seconds_count", {"channel": "SLACK"}] == 0
    assert scraped["axion_gaps_total", {"reason": "session_lost"}] == 0
    assert scraped["axion_store_errors_total", {"error": "StoreUnavailable"}] == 0


def test_what_is_expected_again_goes_on_from_where_it_was(figures, scrape):
    figures.expect([SOURCE], ["SLACK"])
    figures.accepted(SOURCE, [Outcome("REF-1", reason="opened")], 0.2)
    figures.sent("SLACK", "sent", 0.5)

    figures.expect([SOURCE], ["SLACK"])

    scraped = scrape()
    assert scraped["axion_alerts_received_total", {"source": SOURCE, "outcome": "opened"}] == 1
    assert scraped["axion_sends_total", {"channel": "SLACK", "status": "sent"}] == 1
    assert scraped["axion_send_duration_seconds_sum", {"channel": "SLACK"}] == 0.5


def test_gaps_and_transactions_count(figures, scrape):
    figures.gap("session_lost")
    figures.committed(0.25)
    figures.store_failed("StoreConflict")

    scraped = scrape()
    assert scraped["axion_gaps_total", {"reason": "session_lost"}] == 1
    assert scraped["axion_store_transaction_seconds_sum"] == 0.25
    assert scraped["axion_store_errors_total", {"error": "StoreConflict"}] == 1
