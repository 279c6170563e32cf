"""The verbs about silences, from Python, over the bus and from the shell, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from axion_bus import AsyncIncidentManager
from axion_bus.config import parse
from axion_bus.errors import Conflict, NotFound, ValidationFailed
from tests.chaos.ledger import query

HOUR = timedelta(hours=1)


@pytest.fixture
def store_url(shared_url):
    """The tests of this module share a database."""
    return shared_url


async def one(manager, guid):
    """The silence ``guid``, as it is listed."""
    (row,) = [row for row in await manager.list_silences(expired=True) if row["SilenceGuid"] == guid]
    return row


async def test_a_silence_lasts_from_now_on_for_as_long_as_is_said(manager):
    guid = await manager.add_silence(["package = BACKUP", "severity >= HIGH"], "2h", "new tapes", "ann")

    row = await one(manager, guid)
    assert (["package = BACKUP", "severity >= HIGH"], "new tapes", "ann", "ACTIVE") == (
        row["Matchers"], row["Comment"], row["CreatedBy"], row["State"],
    )  # fmt: skip
    assert (2 * HOUR, row["CreatedAt"], None, None) == (
        row["EndsAt"] - row["StartsAt"],
        row["StartsAt"],
        row["ExpiredBy"],
        row["Fault"],
    )
    assert abs(datetime.now(UTC) - row["StartsAt"]) < timedelta(minutes=1)


@pytest.mark.parametrize("ends_at", ["2126-01-31T22:00:00+02:00", datetime(2126, 1, 31, 20, tzinfo=UTC)])
async def test_a_silence_may_end_at_a_time(manager, ends_at):
    guid = await manager.add_silence("package = BACKUP", ends_at)

    assert datetime(2126, 1, 31, 20, tzinfo=UTC) == (await one(manager, guid))["EndsAt"]


async def test_a_silence_that_begins_later_is_pending_and_its_span_counts_from_then(manager):
    starts_at = datetime.now(UTC) + HOUR

    guid = await manager.add_silence("package = BACKUP", timedelta(minutes=5), starts_at=starts_at)

    row = await one(manager, guid)
    assert ("PENDING", starts_at, timedelta(minutes=5)) == (row["State"], row["StartsAt"], row["EndsAt"] - row["StartsAt"])


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"match": []}, "match", "it has 0 conditions"),
        ({"match": ["package = A"] * 33}, "match", "it has 33 conditions"),
        ({"match": ["colour = red"]}, "match", "is not a field of an alert"),
        ({"match": "package"}, "match", "is not a condition"),
        ({"match": [7]}, "match", "not a text of 1 to 1024 characters"),
        ({"match": ["title =~ a{99999999999}"]}, "match", "is too large"),
        ({"match": ["title = " + "x" * 1024]}, "match", "1 to 1024 characters"),
        ({"ends_at": "0s"}, "ends_at", "no time from now"),
        ({"ends_at": "9999d"}, "ends_at", "more than ten years"),
        ({"ends_at": timedelta(hours=-1)}, "ends_at", "no time from now"),
        ({"ends_at": "soon"}, "ends_at", "not a date or time"),
        ({"ends_at": 7200}, "ends_at", "such as"),
        ({"ends_at": "2000-01-01T00:00:00Z"}, "ends_at", "is over already"),
        ({"ends_at": "2126-01-01T00:00:00Z", "starts_at": "2126-01-01T00:00:00Z"}, "ends_at", "not after starts_at"),
        ({"ends_at": "2001-01-01T00:00:00Z", "starts_at": "2000-01-01T00:00:00Z"}, "ends_at", "is over already"),
        ({"starts_at": "2126-01-01T10:00"}, "starts_at", "without an offset"),
        ({"comment": "a\nb"}, "comment", "control character"),
        ({"comment": "x" * 513}, "comment", "513 characters"),
        ({"created_by": ""}, "created_by", "1 to 255"),
        ({"silence_guid": "a b"}, "silence_guid", "printable ASCII"),
    ],
)
async def test_what_is_not_allowed_is_refused_and_silences_nothing(manager, given, field, said):
    before = await manager.list_silences(expired=True)

    with pytest.raises(ValidationFailed) as refused:
        await manager.add_silence(**{"match": ["package = A"], "ends_at": "1h", **given})

    (name, fault), *_ = refused.value.faults
    assert field == name.split(".")[0]
    assert said in fault
    assert before == await manager.list_silences(expired=True)


async def test_a_silence_with_a_guid_of_ones_own_is_changed_by_the_same_call(manager):
    guid = await manager.add_silence("source = web-1", "1h", "first", "ann", silence_guid="update-web-1")
    first = await one(manager, guid)

    await manager.add_silence("source = web-2", "2h", "again", "bob", silence_guid=guid)

    again = await one(manager, guid)
    assert ("update-web-1", ["source = web-2"], "again", "bob") == (
        guid, again["Matchers"], again["Comment"], again["CreatedBy"],
    )  # fmt: skip
    assert first["CreatedAt"] == again["CreatedAt"]
    assert again["EndsAt"] > first["EndsAt"]


async def test_a_silence_that_is_ended_says_so_and_by_whom(manager):
    guid = await manager.add_silence("package = BACKUP", "2h")

    await manager.expire_silence(guid, "bob")
    await manager.expire_silence(guid, "carl")

    row = await one(manager, guid)
    assert ("EXPIRED", "bob") == (row["State"], row["ExpiredBy"])
    assert guid not in [each["SilenceGuid"] for each in await manager.list_silences()]


async def test_a_silence_that_has_not_begun_can_be_ended(manager):
    guid = await manager.add_silence("package = BACKUP", "2h", starts_at=datetime.now(UTC) + HOUR)

    await manager.expire_silence(guid)

    row = await one(manager, guid)
    assert ("EXPIRED", row["EndsAt"]) == (row["State"], row["StartsAt"])


async def test_a_silence_that_was_ended_begins_again(manager):
    guid = await manager.add_silence("package = BACKUP", "2h", silence_guid="again")
    await manager.expire_silence(guid, "bob")

    await manager.add_silence("package = BACKUP", "2h", silence_guid=guid)

    row = await one(manager, guid)
    assert ("ACTIVE", None) == (row["State"], row["ExpiredBy"])


async def test_a_silence_that_nobody_knows_cannot_be_ended(manager):
    with pytest.raises(NotFound, match="there is no silence nonesuch"):
        await manager.expire_silence("nonesuch")


async def test_a_silence_of_the_configuration_is_listed_first_and_cannot_be_ended(store_url):
    standing = {"match": ["package = BACKUP"], "comment": "always"}
    over = {"match": ["package = BACKUP"], "ends_at": datetime(2020, 1, 1, tzinfo=UTC)}
    settings = parse({"store": {"url": store_url}, "instance": {"name": "test"}, "silences": [over, standing]})
    async with AsyncIncidentManager(settings) as manager:
        await manager.add_silence("package = BACKUP", "2h")
        first, *others = await manager.list_silences()
        ended, *_ = await manager.list_silences(expired=True)

        assert ("always", "configuration", "ACTIVE", None) == (
            first["Comment"], first["CreatedBy"], first["State"], first["EndsAt"],
        )  # fmt: skip
        assert first["SilenceGuid"].startswith("configuration-")
        assert "EXPIRED" == ended["State"]
        assert {"configuration"} & {each["CreatedBy"] for each in others} == set()
        with pytest.raises(NotFound, match="those of the configuration are ended there"):
            await manager.expire_silence(first["SilenceGuid"])


async def test_a_silence_that_cannot_be_read_is_listed_with_its_fault_and_cannot_be_ended(manager, store_url):
    query(
        store_url,
        "INSERT INTO def_silence (SilenceGuid, Matchers, Comment, CreatedBy, CreatedAt, StartsAt, EndsAt)"
        " VALUES (%s, '[\"colour = red\"]', '', 'ann', '2026-01-01', '2026-01-01 00:00:00', '2126-01-01 00:00:00')",
        "by-hand",
    )

    row = await one(manager, "by-hand")

    assert ("FAULTY", True) == (row["State"], "is not a field of an alert" in row["Fault"])
    with pytest.raises(Conflict, match="mend its row, or delete it"):
        await manager.expire_silence("by-hand")
    query(store_url, "DELETE FROM def_silence WHERE SilenceGuid = 'by-hand'")


async def test_a_silence_is_found_by_the_beginning_of_its_guid(manager):
    for guid in ("abcdefg-1", "abcdefg-2", "zyx"):
        await manager.add_silence("package = BACKUP", "1h", silence_guid=guid)

    assert ("abcdefg-1", "zyx") == (await manager.find_silence("abcdefg-1"), await manager.find_silence(" zyx "))
    with pytest.raises(ValidationFailed, match="several silences start with abcdefg: abcdefg-1, abcdefg-2"):
        await manager.find_silence("abcdefg")
    with pytest.raises(ValidationFailed, match="zy is too short"):
        await manager.find_silence("zy")
    for nobody in ("nonesuch", "", "%"):
        with pytest.raises(NotFound, match="no silence starts with"):
            await manager.find_silence(nobody)


async def test_of_two_who_set_one_silence_at_a_time_the_last_one_holds(managers):
    first, second = await managers(2)

    await asyncio.gather(*(each.add_silence("package = BACKUP", "1h", silence_guid="race") for each in (first, second) * 5))

    assert 1 == len([row for row in await first.list_silences() if row["SilenceGuid"] == "race"])


async def test_a_silence_is_set_listed_and_ended_over_the_bus(desk):
    given = {"match": ["package = BACKUP"], "ends_at": "30m", "comment": "tapes", "by": "ada", "silence_guid": "over-the-bus"}

    opened = await desk.ask("silence", given)
    listed = (await desk.ask("list-silences", {})).data
    ended = await desk.ask("expire-silence", {"silence_guid": "over-the-bus", "by": "bob"})

    assert ("command", "ada") == (opened.reason, opened.row["Metadata"]["by"])
    assert ("over-the-bus", "ACTIVE", ["package = BACKUP"], "ada") == tuple(
        opened.data[name] for name in ("silence_guid", "state", "matchers", "created_by")
    )
    assert [opened.data] == [each for each in listed if each["silence_guid"] == "over-the-bus"]
    assert ("EXPIRED", "bob") == (ended.data["state"], ended.data["expired_by"])


async def test_over_the_bus_too_a_silence_that_nobody_knows_is_refused_unless_it_need_not_exist(desk):
    refused = await desk.ask("expire-silence", {"silence_guid": "nonesuch"})
    content = await desk.ask("expire-silence", {"silence_guid": "nonesuch", "must_exist": False})

    assert ("not_found", None) == (refused.error["code"], content.data)
    assert ("refused", "command") == (refused.reason, content.reason)


@pytest.fixture
def said(shell, tmp_path):
    """The command line on a database of its own; returns what it says as JSON, or the whole answer."""
    (tmp_path / "empty.toml").write_text('[[silences]]\nmatch = ["package = TEST"]\ncomment = "standing"\n')

    def say(*arguments):
        return shell("silence", *arguments)

    return say


def test_the_shell_adds_lists_and_expires(said):
    added = said("add", "package = BACKUP", "severity >= HIGH", "--for", "2h", "--comment", "new tapes", "--by", "ann", "--json")
    guid = added.json["data"]["SilenceGuid"]
    table = said("list").out.splitlines()
    expired = said("expire", guid, "--by", "bob", "--json")
    left = said("list", "--json").json["data"]
    every = said("list", "--all", "--json").json["data"]

    assert 0 == added.code == expired.code
    assert ["SilenceGuid", "State", "StartsAt", "EndsAt", "Matchers", "CreatedBy", "Comment"] == table[0].split()
    assert "package = TEST" in table[1]
    assert "package = BACKUP and severity >= HIGH" in table[2]
    assert ["standing"] == [row["Comment"] for row in left]
    assert [None, "bob"] == [row["ExpiredBy"] for row in every]


def test_the_shell_prints_the_guid_and_takes_its_beginning(said):
    guid = said("add", "package = BACKUP", "--until", "2126-01-31T22:00:00Z", "--from", "2126-01-31T21:00:00Z").out.strip()

    ended = said("expire", guid[:-3])

    assert (0, f"{guid} has ended\n") == (ended.code, ended.out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "package = A"), 2, "one of --for and --until"),
        (("add", "package = A", "--for", "1h", "--until", "2126-01-01T00:00:00Z"), 2, "one of --for and --until"),
        (("add", "--for", "1h"), 2, "CONDITION"),
        (("add", "colour = red", "--for", "1h"), 2, "is not a field of an alert"),
        (("add", "package = A", "--for", "1 hour"), 2, "ends_at"),
        (("expire", "nonesuch"), 3, "no silence starts with"),
        (("expire",), 2, "SILENCE"),
    ],
)
def test_the_shell_says_what_is_wrong(said, arguments, code, message):
    answer = said(*arguments)

    assert (code, "") == (answer.code, answer.out)
    assert message in answer.err
