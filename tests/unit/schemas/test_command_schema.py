"""The schema of a command says what a verb takes: what it allows is taken, and what is refused it does not allow."""

from __future__ import annotations

import pytest

from axion_bus.errors import ValidationFailed
from axion_bus.formats import limits
from axion_bus.manager.arguments import check
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.schemas import DOCUMENTS
from axion_bus.schemas.command import command
from tests.json_schema import faults

GIVEN = {
    "create-incident": {"title": "t", "severity": "HIGH", "package": "p"},
    "update-status": {"incident_guid": "g", "new_status": "MONITORING"},
    "acknowledge": {"incident_guid": "g"},
    "assign": {"incident_guid": "g", "assigned_to": "ada"},
    "add-note": {"incident_guid": "g", "note_type": "GENERAL", "content": "c"},
    "close-incident": {"incident_guid": "g"},
    "reopen-incident": {"incident_guid": "g"},
    "link-alert": {"incident_guid": "g", "alert_guid": "a"},
    "merge-incidents": {"source_incident_guid": "g", "target_incident_guid": "h"},
    "log-communication": {"incident_guid": "g", "channel": "PHONE", "message": "m"},
    "notify": {"incident_guid": "g", "notify_code": "C"},
    "silence": {"match": ["package = BACKUP"], "ends_at": "2h"},
    "expire-silence": {"silence_guid": "g"},
    "list-silences": {},
    "get-incident": {"incident_guid": "g"},
    "list-incidents": {},
    "lookup-ref": {"short_ref": "REF-20260131-A7K"},
    "report": {"incident_guid": "g"},
    "email-report": {"incident_guid": "g"},
}
"""For each verb what it needs, and no more."""

MORE = {
    "create-incident": [{"alert_links": ["a"], "assigned_to": None, "description": ""}, {"title": "x" * limits.TITLE}],
    "update-status": [{"expected_version": 3}],
    "close-incident": [{"close_reason": "DUPLICATE", "root_cause": "x"}],
    "log-communication": [{"metadata": {"a": 1}, "direction": "INBOUND", "status": "RECEIVED"}],
    "silence": [{"match": "package = BACKUP", "comment": "", "starts_at": "2026-01-31T22:00:00Z"}],
    "list-incidents": [{"status": "CLOSED", "severity": "LOW", "limit": 10_000, "offset": 0}],
    "email-report": [{"format": "html", "additional_recipients": ["ops@example.com"]}],
}
WRONG = {
    "create-incident": [
        {"title": ""},
        {"title": "x" * (limits.TITLE + 1)},
        {"title": None},
        {"severity": "LOUD"},
        {"severity": 17},
        {"package": 1},
        {"alert_links": ["a b"]},
        {"alert_links": "a,b c"},
    ],
    "update-status": [{"new_status": "OPEN"}, {"expected_version": 0}, {"expected_version": "1"}, {"incident_guid": "a b"}],
    "close-incident": [{"close_reason": "MERGED"}, {"closed_by": ""}],
    "add-note": [{"note_type": "LOVE"}, {"content": ""}],
    "log-communication": [{"status": "PENDING"}, {"channel": ""}, {"metadata": []}],
    "silence": [{"match": []}, {"match": [1]}, {"ends_at": 7}, {"comment": "x" * 513}, {"starts_at": "tomorrow"}],
    "list-incidents": [{"limit": 0}, {"limit": 10_001}, {"offset": -1}, {"limit": True}],
    "lookup-ref": [{"short_ref": "A7K"}, {"short_ref": 7}],
    "report": [{"format": "pdf"}],
    "email-report": [{"additional_recipients": [""]}],
}


def short(value):
    """The last of what is given is what a case is about."""
    return repr(value)[-40:]


def cases(table):
    return [(verb, GIVEN[verb] | more) for verb, each in table.items() for more in each]


def is_taken(verb, given):
    try:
        check(CATALOGUE[verb].arguments, given)
    except ValidationFailed:
        return False
    return True


def test_every_verb_has_a_schema():
    assert list(CATALOGUE) == list(GIVEN) == list(DOCUMENTS["command"]()["$defs"])


@pytest.mark.parametrize(("verb", "given"), [*GIVEN.items(), *cases(MORE)], ids=short)
def test_what_a_verb_takes_is_allowed(verb, given):
    assert (True, []) == (is_taken(verb, given), faults(command(verb), given))


@pytest.mark.parametrize(("verb", "given"), cases(WRONG), ids=short)
def test_what_a_verb_refuses_is_not_allowed(verb, given):
    assert (False, False) == (is_taken(verb, given), not faults(command(verb), given))


@pytest.mark.parametrize(("verb", "given"), GIVEN.items(), ids=GIVEN)
def test_what_a_verb_needs_is_required_and_nothing_unknown_allowed(verb, given):
    lacking = [{name: value for name, value in given.items() if name != left_out} for left_out in given]

    assert [True] * (len(lacking) + 1) == [bool(faults(command(verb), each)) for each in [*lacking, given | {"unknown": 1}]]


@pytest.mark.parametrize("verb", CATALOGUE)
def test_every_command_may_say_who_asks_how_to_repeat_it_and_what_comes_back(verb):
    more = {"by": "ada", "idempotency_key": "k", "transaction": {"any": [1]}}

    assert ([], False) == (faults(command(verb), GIVEN[verb] | more), not faults(command(verb), GIVEN[verb] | {"by": 7}))


@pytest.mark.parametrize("verb", CATALOGUE)
def test_every_argument_is_described_or_is_a_plain_value(verb):
    bare = [name for name, each in command(verb)["properties"].items() if not is_described(each)]

    assert [] == bare


def is_described(schema):
    plain = schema.get("type") == "boolean" or "minimum" in schema
    return bool(plain or "description" in schema or any(map(is_described, schema.get("anyOf", []))))
