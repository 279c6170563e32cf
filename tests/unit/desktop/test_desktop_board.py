"""What is on the screen: what nobody has taken on, what is news, never too much, and nothing that the person has put away."""

from __future__ import annotations

import pytest

from axion_bus.desktop.board import MESSAGES, REST, Board
from axion_bus.desktop.notices import Answer
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.desktop import a_letter, a_view, guid

INVESTIGATING, MONITORING, CLOSED = IncidentStatus.INVESTIGATING, IncidentStatus.MONITORING, IncidentStatus.CLOSED


@pytest.fixture
def board():
    return Board(user="ann")


def seen(board):
    return list(board.notices())


def summaries(board):
    return [notice.summary for notice in board.notices().values()]


def test_an_incident_that_nobody_has_taken_on_is_seen(board):
    board.told(a_view(1))

    assert [guid(1)] == seen(board)


def test_an_incident_that_somebody_acknowledges_goes(board):
    board.told(a_view(1))
    board.told(a_view(1, status=INVESTIGATING, version=2))

    assert [] == seen(board)


def test_an_incident_that_somebody_closes_goes(board):
    board.told(a_view(1))
    board.told(a_view(1, status=CLOSED, version=2))

    assert [] == seen(board)


def test_a_change_changes_what_is_seen_under_the_same_key(board):
    board.told(a_view(1, title="Disk filling"))
    board.told(a_view(1, title="Disk full", version=2))

    assert {guid(1): "HIGH: Disk full"} == {key: notice.summary for key, notice in board.notices().items()}


def test_what_is_older_than_what_is_known_changes_nothing(board):
    board.told(a_view(1, status=INVESTIGATING, version=2))
    board.told(a_view(1, version=1))

    assert [] == seen(board)


def test_what_is_put_away_stays_away_through_small_changes(board):
    board.told(a_view(1))
    board.put_away(guid(1))
    board.told(a_view(1, description="a second alert", version=2))

    assert [] == seen(board)


def test_what_is_put_away_comes_back_when_it_becomes_worse(board):
    board.told(a_view(1, severity=Severity.HIGH))
    board.put_away(guid(1))
    board.told(a_view(1, severity=Severity.CRITICAL, version=2))

    assert [guid(1)] == seen(board)


def test_what_becomes_better_is_no_news(board):
    board.told(a_view(1, severity=Severity.CRITICAL))
    board.put_away(guid(1))
    board.told(a_view(1, severity=Severity.HIGH, version=2))

    assert [] == seen(board)


def test_an_incident_in_work_that_becomes_worse_is_seen_until_its_work_moves_on(board):
    board.told(a_view(1, status=INVESTIGATING))
    board.told(a_view(1, status=INVESTIGATING, severity=Severity.CRITICAL, version=2))
    worse = seen(board)
    board.told(a_view(1, status=MONITORING, severity=Severity.CRITICAL, version=3))

    assert ([guid(1)], []) == (worse, seen(board))


def test_a_reopened_incident_is_seen(board):
    board.told(a_view(1, status=INVESTIGATING, version=5), "reopened")

    assert [guid(1)] == seen(board)


def test_the_worst_come_first_and_then_the_oldest(board):
    severities = {1: Severity.HIGH, 2: Severity.CRITICAL, 3: Severity.HIGH, 4: Severity.CRITICAL}
    for number in (3, 1, 4, 2):
        board.told(a_view(number, severity=severities[number]))

    assert [guid(number) for number in (2, 4, 1, 3)] == seen(board)


def test_no_more_than_the_limit_are_seen_and_one_line_for_the_rest():
    board = Board(user="ann", limit=2)
    for number in range(1, 6):
        board.told(a_view(number))

    assert ["HIGH: Incident 1", "HIGH: Incident 2", "3 more open incidents"] == summaries(board)


def test_a_place_that_becomes_free_is_taken():
    board = Board(user="ann", limit=1)
    for number in (1, 2):
        board.told(a_view(number))
    board.told(a_view(1, status=INVESTIGATING, version=2))

    assert [guid(2)] == seen(board)


def test_the_line_for_the_rest_is_put_away_until_there_is_more_of_it():
    board = Board(user="ann", limit=1)
    for number in (1, 2, 3):
        board.told(a_view(number))
    board.put_away(REST)
    away = seen(board)
    board.told(a_view(4))

    assert ([guid(1)], [guid(1), REST]) == (away, seen(board))


def test_a_line_for_the_rest_that_is_put_away_too_late_does_nothing():
    board = Board(user="ann", limit=1)
    board.put_away(REST)

    assert [] == seen(board)


def test_the_line_for_the_rest_comes_back_after_it_was_shorter():
    board = Board(user="ann", limit=1)
    for number in (1, 2, 3):
        board.told(a_view(number))
    board.put_away(REST)
    board.told(a_view(3, status=CLOSED, version=2))
    shorter = seen(board)
    board.told(a_view(4))

    assert ([guid(1)], [guid(1), REST]) == (shorter, seen(board))


def test_an_answer_that_fails_brings_the_incident_back_and_says_why(board):
    board.told(a_view(1, title="Disk full"))
    board.put_away(guid(1))
    board.failed(guid(1), Answer.CLOSE, "the daemon is away")

    assert ["HIGH: Disk full", "Could not close: Disk full"] == summaries(board)


def test_an_answer_to_what_is_gone_says_nothing(board):
    board.failed(guid(1), Answer.CLOSE, "not found")

    assert [] == seen(board)


def test_messages_without_an_answer_are_few(board):
    for number in range(MESSAGES + 2):
        board.letter(a_letter(incident_guid=None, subject=f"message {number}"))

    assert [f"message {number}" for number in range(2, MESSAGES + 2)] == summaries(board)


def test_a_message_that_is_put_away_is_gone(board):
    board.letter(a_letter(incident_guid=None))
    (key,) = seen(board)
    board.put_away(key)

    assert [] == seen(board)


def test_a_reminder_brings_back_what_was_put_away_with_its_words(board):
    board.told(a_view(1, description="long story"))
    board.put_away(guid(1))
    board.letter(a_letter(text="please look"))

    assert "DATABASE\nplease look" == board.notices()[guid(1)].body


def test_each_reminder_makes_another_notice(board):
    board.told(a_view(1))
    board.letter(a_letter())
    first = board.notices()
    board.letter(a_letter())

    assert first != board.notices()


@pytest.mark.parametrize("occasion", ["acknowledged", "closed"])
def test_that_something_was_done_is_a_message_without_an_answer(board, occasion):
    board.told(a_view(1, status=INVESTIGATING))
    board.letter(a_letter(occasion=occasion, subject="done"))

    ((key, notice),) = board.notices().items()
    assert ("done", ()) == (notice.summary, notice.answers)
    assert key != guid(1)


def test_that_an_incident_was_opened_is_not_said_twice(board):
    board.letter(a_letter(occasion="created"))
    board.told(a_view(1))
    board.letter(a_letter(occasion="created"))

    assert [guid(1)] == seen(board)


@pytest.mark.parametrize(("recipient", "number"), [("desktop", 1), ("ann", 1), ("bob", 0)])
def test_a_message_is_for_every_desktop_or_for_one_person(board, recipient, number):
    board.letter(a_letter(recipient=recipient, incident_guid=None))

    assert number == len(board.notices())


def test_what_the_daemon_no_longer_has_goes(board):
    board.told(a_view(1))
    board.ask()
    board.answer([a_view(2)])

    assert [guid(2)] == seen(board)


def test_what_is_told_while_the_daemon_is_asked_is_newer_than_its_answer(board):
    board.told(a_view(1))
    board.ask()
    board.told(a_view(1, status=CLOSED, version=2))
    board.told(a_view(2))
    board.answer([a_view(1)])

    assert [guid(2)] == seen(board)


def test_what_was_told_before_an_earlier_question_does_not_count(board):
    board.ask()
    board.told(a_view(1))
    board.ask()
    board.answer([])

    assert [] == seen(board)


def test_what_is_put_away_stays_away_when_the_daemon_is_asked_again(board):
    board.told(a_view(1))
    board.put_away(guid(1))
    board.ask()
    board.answer([a_view(1)])

    assert [] == seen(board)
