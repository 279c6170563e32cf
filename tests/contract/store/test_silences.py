"""``def_silence``: what is written comes back, what people wrote by hand is no error; and the alerts that were silenced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.noise import Silence
from axion_bus.domain.rules import parse_matcher
from axion_bus.store import silences
from tests.contract.store.scenes import a_record, look, save
from tests.fakes import NOON

HOUR = timedelta(hours=1)


def a_silence(guid="s", *conditions, **given):
    defaults = {
        "starts_at": NOON,
        "ends_at": NOON + HOUR,
        "comment": "new tapes ☎",
        "created_by": "ann",
        "created_at": NOON - HOUR,
    }
    return Silence(guid=guid, matchers=tuple(map(parse_matcher, conditions or ("package = BACKUP",))), **{**defaults, **given})


async def ask(store, question, *arguments):
    return await store.write(lambda transaction: getattr(transaction, question)(*arguments))


async def write_by_hand(store, **columns):
    """A row as a person writes it."""
    row = {
        "SilenceGuid": "s",
        "Matchers": '["package = BACKUP"]',
        "Comment": "",
        "CreatedBy": "ann",
        "CreatedAt": "2026-01-02 10:00:00",
        "StartsAt": "2026-01-02 10:00:00",
        "EndsAt": "2126-01-02 11:00:00",
        **columns,
    }
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)

    async def work(transaction):
        await transaction.connection.execute(text(f"INSERT INTO def_silence ({names}) VALUES ({marks})"), row)

    await store.write(work)


async def test_a_silence_comes_back_as_it_was_written(store):
    silence = a_silence("s", "package = BACKUP", "labels.env =~ 'prod.*'", expired_by="bob")

    await save(store, silences=[silence])

    assert [silence] == list(await ask(store, "silences_by_guid", ["s", "other"]))


async def test_a_silence_takes_the_place_of_the_one_with_its_guid(store):
    await save(store, silences=[a_silence("s"), a_silence("other")])
    longer = a_silence("s", "package = OTHER", ends_at=NOON + 2 * HOUR)

    await save(store, silences=[longer])

    assert [longer, a_silence("other")] == sorted(await ask(store, "silences", NOON), key=lambda each: each.guid, reverse=True)


async def test_what_ends_later_is_found_the_oldest_first_and_what_has_ended_is_not(store):
    await save(
        store,
        silences=[
            a_silence("young", created_at=NOON),
            a_silence("old", created_at=NOON - 2 * HOUR, starts_at=NOON + HOUR, ends_at=NOON + 3 * HOUR),
            a_silence("over", ends_at=NOON),
        ],
    )

    assert ["old", "young"] == [each.guid for each in await ask(store, "silences", NOON)]


async def test_the_newest_are_listed_first_and_those_that_have_ended_on_demand(store):
    await save(store, silences=[a_silence("old"), a_silence("young", created_at=NOON), a_silence("over", ends_at=NOON)])

    async def listed(ends_after, limit):
        return [each.guid for each in await store.read(lambda connection: silences.newest(connection, ends_after, limit))]

    assert ["young", "old"] == await listed(NOON, 10)
    assert ["young", "over", "old"] == await listed(None, 10)
    assert ["young"] == await listed(None, 1)


async def test_silences_are_found_by_the_beginning_of_their_guid(store):
    await save(store, silences=[a_silence("ab1"), a_silence("ab2"), a_silence("a%3")])

    async def found(prefix, limit=10):
        return sorted(await store.read(lambda connection: silences.guids_like(connection, prefix, limit)))

    assert ["ab1", "ab2"] == await found("ab")
    assert ["a%3"] == await found("a%")
    assert 1 == len(await found("a", 1))


async def test_a_silence_by_hand_needs_no_more_than_the_table_asks_for(store):
    await write_by_hand(store)

    (silence,) = await ask(store, "silences", NOON)

    assert (["package = BACKUP"], None) == ([matcher.text for matcher in silence.matchers], silence.fault)


@pytest.mark.parametrize(
    ("matchers", "fault"),
    [
        ('"package = BACKUP"', "not written like"),
        ("[]", "not written like"),
        ("[7]", "not written like"),
        ('{"a": 1}', "not written like"),
        ('["package"]', "is not a condition"),
        ('["colour = red"]', "is not a field of an alert"),
        ('["title =~ a{99999999999}"]', "is too large"),
        ('["title =~ ("]', "is not a regular expression"),
    ],
)
async def test_conditions_that_cannot_be_read_are_a_fault(store, matchers, fault):
    await write_by_hand(store, Matchers=matchers)

    (silence,) = await ask(store, "silences", NOON)

    assert fault in silence.fault
    assert () == silence.matchers


@pytest.mark.parametrize(
    "column", [{"Matchers": "package = BACKUP"}, {"StartsAt": "now"}, {"EndsAt": "tomorrow"}, {"CreatedAt": "2026-01-02T10:00Z"}]
)
async def test_what_only_a_file_takes_is_a_fault_and_no_error(sqlite_store, column):
    await write_by_hand(sqlite_store, **column)

    (silence,) = await ask(sqlite_store, "silences", NOON)

    assert "not written like" in silence.fault


async def test_an_alert_keeps_what_silenced_it_and_what_it_is_known_by(store):
    record = a_record(dedup_key="disk", silenced_by="s")
    await save(store, new_alerts=[record])
    freed = replace(record, silenced_by=None)

    before = await ask(store, "alerts_by_guid", ["alert-a"])
    await save(store, changed_alerts=[freed])

    assert ([record], [freed]) == (before, await ask(store, "alerts_by_guid", ["alert-a"]))


async def test_alerts_that_other_silences_have_silenced_are_found(store):
    await save(
        store,
        new_alerts=[
            *(a_record(f"loud-{number}") for number in range(20)),
            a_record("still", silenced_by="active"),
            a_record("let-go", silenced_by="over"),
            a_record("more", silenced_by="gone"),
        ],
    )

    async def found(silenced_by, limit=10):
        return sorted(each.guid for each in await ask(store, "alerts_silenced_otherwise", silenced_by, limit))

    assert ["alert-let-go", "alert-more"] == await found({"active", "other"})
    assert ["alert-let-go", "alert-more", "alert-still"] == await found(set())
    assert 1 == len(await found({"active"}, 1))
    assert 3 == len(await found(set(), 3))


async def test_what_alerts_are_known_by_is_found_by_its_beginning_while_they_fire(store):
    await save(
        store,
        new_alerts=[
            a_record("a", dedup_key="web-1:systemd:nginx.service"),
            a_record("b", dedup_key="web-1:systemd:100%_sure.service"),
            a_record("c", dedup_key="web-1:systemd:cron.service", status=AlertStatus.RESOLVED, resolved_at=NOON),
            a_record("d", dedup_key="web-2:systemd:nginx.service"),
            a_record("e", dedup_key="WEB-1:systemd:nginx.service"),
            a_record("f"),
        ],
    )

    assert {"web-1:systemd:nginx.service", "web-1:systemd:100%_sure.service"} == await ask(
        store, "open_dedup_keys", "web-1:systemd:"
    )
    assert {"web-1:systemd:100%_sure.service"} == await ask(store, "open_dedup_keys", "web-1:systemd:100%_")
    assert frozenset() == await ask(store, "open_dedup_keys", "web_1")


async def test_a_resolved_alert_is_silenced_by_nothing(store):
    record = a_record(silenced_by="over")
    await save(store, new_alerts=[record])

    await save(store, changed_alerts=[replace(record, status=AlertStatus.RESOLVED, resolved_at=NOON, silenced_by=None)])

    assert [] == list(await ask(store, "alerts_silenced_otherwise", set(), 10))
    assert [(None,)] == await look(store, "SELECT SilencedBy FROM data_alert")
