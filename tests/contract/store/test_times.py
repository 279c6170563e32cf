"""A time comes back as it was, whatever its zone, to the microsecond; one without a zone is refused."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest

from tests.contract.store.scenes import a_record, an_event, claim, look, save
from tests.fakes import NOON


async def read_alert(store, guid):
    (found,) = await store.write(lambda transaction: transaction.alerts_by_guid([guid]))
    return found


async def test_a_time_in_another_zone_is_the_same_moment(store):
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))

    await save(store, new_alerts=[a_record(first_seen_at=elsewhere)], communications=[an_event(None, None, due=elsewhere)])

    found = await read_alert(store, "alert-a")
    assert (NOON, UTC) == (found.first_seen_at, found.first_seen_at.tzinfo)
    assert 1 == len(await claim(store, now=NOON))


@pytest.mark.parametrize("microsecond", [0, 1, 500_000, 999_999])
async def test_a_time_keeps_its_microseconds(store, microsecond):
    at = NOON.replace(microsecond=microsecond)

    await save(store, new_alerts=[a_record(last_seen_at=at)])

    assert at == (await read_alert(store, "alert-a")).last_seen_at


async def test_a_time_is_the_same_text_for_whoever_reads_the_database(store):
    await save(store, new_alerts=[a_record(last_seen_at=NOON.replace(microsecond=5))])

    assert [("2026-01-31 12:00:00.000005",)] == await look(store, "SELECT CAST(LastSeenAt AS CHAR) FROM data_alert")


async def test_a_time_without_a_zone_is_refused(store):
    naive = NOON.replace(tzinfo=None)

    with pytest.raises(ValueError, match="has no time zone"):
        await save(store, new_alerts=[a_record(last_seen_at=naive)])
    with pytest.raises(ValueError, match="has no time zone"):
        await claim(store, now=naive)
