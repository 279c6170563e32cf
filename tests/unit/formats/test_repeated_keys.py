"""A key twice in one object is found wherever it is, and nothing else is taken for it: the fast reader only counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import Alert
from axion_bus.domain.communication import Fault
from tests.reading import elements

TRICKY = st.text(st.sampled_from('":,{} \\\ta'), max_size=6)


class Members(list):
    """An object as its members, so that one can be there twice."""


def objects(values):
    return st.lists(st.tuples(TRICKY, values), max_size=4, unique_by=lambda member: member[0]).map(Members)


VALUES = st.recursive(st.integers(0, 9) | TRICKY, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=10)
LAYOUTS = pytest.mark.parametrize("layout", [(",", ":"), (", ", ": "), (" ,", " :"), ("\n,", "\t:"), (",", "\n\r :")], ids=repr)


def written(value, layout):
    comma, colon = layout
    if isinstance(value, Members):
        members = comma.join(json.dumps(name) + colon + written(each, layout) for name, each in value)
        return "{" + members + "}"
    if isinstance(value, list):
        return "[" + comma.join(written(each, layout) for each in value) + "]"
    return json.dumps(value)


def objects_in(value):
    """Every object in ``value`` that has a member."""
    if isinstance(value, Members):
        return [value] * bool(value) + [found for _, each in value for found in objects_in(each)]
    return [found for each in value for found in objects_in(each)] if isinstance(value, list) else []


@LAYOUTS
@given(value=VALUES)
@settings(max_examples=100, deadline=None)
def test_objects_whose_keys_differ_are_accepted(layout, value):
    (element,) = elements("native", written(Members([("title", "t"), ("x", value)]), layout))

    assert isinstance(element.content, Alert)


@LAYOUTS
@given(value=VALUES, data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_key_that_is_repeated_anywhere_is_a_fault(layout, value, data):
    whole = Members([("title", "t"), ("x", value)])
    victim = data.draw(st.sampled_from(objects_in(whole)))
    name, _ = data.draw(st.sampled_from(victim))
    victim.insert(data.draw(st.integers(0, len(victim))), (name, data.draw(VALUES)))

    (element,) = elements("native", written(whole, layout))

    assert element.content.fault is Fault.DUPLICATE_KEY
