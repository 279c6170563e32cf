"""Whatever is told and done, in whatever order: the screen never has too much, nothing that is over, and nothing is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from axion_bus.desktop.board import MESSAGES, REST, Board
from axion_bus.desktop.notices import Answer
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.desktop import a_letter, a_view, guid

LIMIT = 2
NUMBERS = st.integers(1, 6)
VIEWS = st.builds(
    lambda number, status, severity, version: a_view(number, status=status, severity=severity, version=version),
    NUMBERS,
    st.sampled_from(IncidentStatus),
    st.sampled_from(Severity),
    st.integers(1, 9),
)
KEYS = st.one_of(NUMBERS.map(guid), st.just(REST), st.sampled_from(["message 1", "message 2", "nothing"]))
LETTERS = st.builds(
    lambda number, occasion: a_letter(incident_guid=guid(number), occasion=occasion),
    NUMBERS,
    st.sampled_from(["created", "reminder", "closed", "notification"]),
)
ACTS = st.one_of(
    st.tuples(st.just("told"), VIEWS),
    st.tuples(st.just("gone"), NUMBERS.map(guid)),
    st.tuples(st.just("put_away"), KEYS),
    st.tuples(st.just("failed"), NUMBERS.map(guid)),
    st.tuples(st.just("letter"), LETTERS),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("answer"), st.lists(VIEWS, max_size=6)),
)


def play(board, acts):
    for name, what in acts:
        match name:
            case "failed":
                board.failed(what, Answer.CLOSE, "no")
            case "ask":
                board.ask()
            case _:
                getattr(board, name)(what)
        board.notices()


@given(st.lists(ACTS, max_size=40))
def test_the_screen_never_has_too_much(acts):
    board = Board(user="ann", limit=LIMIT)
    play(board, acts)

    seen = board.notices()
    assert len([key for key in seen if key in map(guid, range(1, 7))]) <= LIMIT
    assert len(seen) <= LIMIT + 1 + MESSAGES
    assert "0 more open incidents" not in [notice.summary for notice in seen.values()]


@given(st.lists(ACTS, max_size=40), NUMBERS)
def test_what_is_closed_is_never_seen(acts, number):
    board = Board(user="ann", limit=6)
    play(board, acts)
    board.told(a_view(number, status=IncidentStatus.CLOSED, version=10))

    assert guid(number) not in board.notices()


@given(st.lists(ACTS, max_size=40), st.lists(NUMBERS, min_size=1, unique=True))
def test_what_is_worse_than_ever_is_seen_whatever_the_person_did_before(acts, numbers):
    board = Board(user="ann", limit=6)
    play(board, acts)
    for number in numbers:
        board.told(a_view(number, severity=Severity.LOW, version=10))
        board.told(a_view(number, severity=Severity.CRITICAL, version=11))

    assert set(map(guid, numbers)) <= board.notices().keys()


@given(st.lists(ACTS, max_size=40), st.lists(NUMBERS, unique=True))
def test_after_a_question_only_what_the_daemon_has_is_seen(acts, numbers):
    board = Board(user="ann", limit=6)
    play(board, acts)
    board.ask()
    board.answer([a_view(number, version=10) for number in numbers])

    seen = {key for key in board.notices() if key in map(guid, range(1, 7))}
    assert seen <= set(map(guid, numbers))
