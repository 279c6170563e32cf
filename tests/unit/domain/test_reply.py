"""What a person's reply asks for, and of which message; whatever is written, it is a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.reply import CODE_DAYS, Reply, ReplyVerb, parse
from tests.fakes import NOON

REF = "REF-20251229-A7K"


@pytest.mark.parametrize(
    ("message", "verb", "text"),
    [
        (f"ack {REF}", "ack", ""),
        (f"Acknowledge {REF}!", "ack", "!"),
        ("  ACK: ref-20251229-a7k\n-- \nsent from a phone", "ack", "-- \nsent from a phone"),
        (f"ack #{REF}", "ack", ""),
        (f"close {REF} restarted it", "close", "restarted it"),
        (f"note {REF}: the pump\nis loud", "note", "the pump\nis loud"),
        (f"note {REF}", "note", ""),
    ],
)
def test_a_command_names_its_verb_its_message_and_what_else_is_said(message, verb, text):
    assert Reply(references=(REF,), verb=ReplyVerb(verb), text=text) == parse(message, NOON)


def test_a_bare_code_may_be_of_any_of_the_last_days_the_latest_first():
    references = parse("ack a7k", NOON).references

    assert ("REF-20260131-A7K", "REF-20260130-A7K", "REF-20260101-A7K") == (references[0], references[1], references[-1])
    assert CODE_DAYS == len(references)


@pytest.mark.parametrize("message", ["close the valve", "ack and thanks", "Close Down the pump"])
def test_a_sentence_that_begins_like_a_command_names_no_message(message):
    assert () == parse(message, NOON).references


@pytest.mark.parametrize("message", ["close abk", "ack ABK thanks", "close a7k restarted", "note abk is loud"])
def test_a_code_without_a_digit_is_one_all_the_same(message):
    assert parse(message, NOON).references


@pytest.mark.parametrize(
    ("message", "references"),
    [
        (f"seen {REF}, and ref-20251230-b1 ref-20251230-b1x", (REF, "REF-20251230-B1X")),
        (f"{REF} {REF.lower()}", (REF,)),
        (f"please ack {REF}", (REF,)),
        ("on my way", ()),
        ("acknowledged A7K", ()),
        ("ack", ()),
        ("ack A7", ()),
        ("ack A7KA7KA7K", ()),
        (f"x{REF}", ()),
    ],
)
def test_anything_else_asks_for_nothing_and_may_quote_messages(message, references):
    assert Reply(references=references) == parse(message, NOON)


@given(st.text() | st.from_regex(r"\s*(?i:ack|acknowledge|close|note)\s+(?i:[A-Z0-9]{3,7}|REF-[0-9]{8}-[A-Z0-9]{3,7}).*"))
def test_whatever_is_written_is_a_reply(message):
    reply = parse(message, NOON)

    assert all(reference.isascii() and reference == reference.upper() for reference in reply.references)
