"""References for messages: free ones, short ones first, never the same twice for one process's transactions."""

from __future__ import annotations

import pytest

from axion_bus.domain.reference import ALPHABET
from axion_bus.errors import StoreUnavailable
from axion_bus.pipeline.references import References, free_reference
from tests.fakes import NOON


class Taken:
    """A transaction that knows which references are taken: all that ``is_taken`` says."""

    def __init__(self, is_taken=lambda _code: False):
        self.is_taken = is_taken
        self.queries = 0

    async def free_references(self, references):
        self.queries += 1
        return frozenset(each for each in references if not self.is_taken(each.rpartition("-")[2]))


def lengths(references):
    return sorted({len(each.rpartition("-")[2]) for each in references})


async def test_a_reference_is_short_while_there_are_free_ones():
    assert [3] == lengths([await free_reference(Taken(), NOON)])


async def test_a_storm_s_references_are_all_different_and_found_in_few_queries():
    transaction = Taken()

    references = await References().take(transaction, NOON, 3000)

    assert (3000, True) == (len(set(references)), transaction.queries <= 6)


async def test_what_was_given_out_and_is_not_written_yet_is_not_given_again():
    references = References()

    given = [each for _ in range(40) for each in await references.take(Taken(), NOON, 100)]

    assert 4000 == len(set(given))


async def test_what_is_taken_is_not_given():
    given = await References().take(Taken(lambda code: len(code) == 3 and code[0] in "ABCDEF"), NOON, 500)

    assert (500, set()) == (len(set(given)), {each.rpartition("-")[2][0] for each in given} & set("ABCDEF"))


async def test_when_a_length_is_used_up_the_next_one_is_taken():
    assert [4] == lengths(await References().take(Taken(lambda code: len(code) == 3), NOON, 50))


async def test_when_all_are_taken_that_is_said():
    with pytest.raises(StoreUnavailable, match="every reference of 2026-01-31 is taken"):
        await References().take(Taken(lambda _code: True), NOON, 1)


async def test_no_reference_is_asked_for_where_none_is_needed():
    transaction = Taken()

    assert ([], 0) == (await References().take(transaction, NOON, 0), transaction.queries)


async def test_what_is_remembered_has_a_bound():
    references = References()
    for _ in range(6):
        await references.take(Taken(), NOON, 4000)

    assert len(references._given) <= 20_000 < len(ALPHABET) ** 3
