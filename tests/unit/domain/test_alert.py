"""Fingerprints and ingest keys: exact, separated, and blind to what may change of an alert."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from axion_bus.domain.alert import Severity, digest, fingerprint, ingest_key
from tests.builders import an_alert

PARTS = st.lists(st.none() | st.text(st.sampled_from("ab+-:1\x1f"), max_size=4), max_size=4)


@pytest.mark.parametrize(
    "other",
    [
        an_alert(severity="LOW"),
        an_alert(resolved=True),
        an_alert(description="more"),
        an_alert(id="1"),
        an_alert(labels={"host": "a"}),
    ],
)
def test_what_may_change_of_an_alert_is_not_part_of_its_fingerprint(other):
    assert fingerprint(an_alert()) == fingerprint(other)


@pytest.mark.parametrize(
    "other",
    [
        an_alert("API Slow"),
        an_alert("API slow "),
        an_alert("API  slow"),
        an_alert("APIslow"),
        an_alert(source="web2"),
        an_alert(package="webapi"),
        an_alert("API sl\u00f6w"),
        an_alert("API slo\u0308w"),
    ],
)
def test_a_fingerprint_is_exact(other):
    assert fingerprint(an_alert()) != fingerprint(other)


def test_text_that_moves_from_one_field_to_the_next_is_another_alert():
    assert fingerprint(an_alert("b", source="x", package="a")) != fingerprint(an_alert("ab", source="x", package=""))


def test_a_dedup_key_is_the_whole_identity_whatever_the_source():
    one = an_alert("API slow", source="web", package="WEBAPI", dedup_key="api")
    other = an_alert("API is slow now", source="probe", package="PROBES", dedup_key="api", labels={"host": "b"})

    assert fingerprint(one, ["host"]) == fingerprint(other, ["host"])


def test_dedup_keys_are_exact():
    keys = ["api", "API", "api ", " api"]

    assert len(keys) == len({fingerprint(an_alert(dedup_key=key)) for key in keys})


def test_a_dedup_key_cannot_be_mistaken_for_an_alert_without_one():
    alert = an_alert()

    assert fingerprint(alert) != fingerprint(an_alert(dedup_key="web\x1fWEBAPI\x1fAPI slow"))


def test_the_labels_that_a_rule_names_tell_alerts_apart():
    one, other = an_alert(labels={"host": "a", "pid": "1"}), an_alert(labels={"host": "b", "pid": "1"})

    assert fingerprint(one, ["host"]) != fingerprint(other, ["host"])
    assert fingerprint(one, ["pid"]) == fingerprint(other, ["pid"])


def test_an_absent_label_is_not_an_empty_one():
    assert fingerprint(an_alert(), ["host"]) != fingerprint(an_alert(labels={"host": ""}), ["host"])


def test_the_same_value_of_another_label_is_another_alert():
    assert fingerprint(an_alert(labels={"a": "x"}), ["a"]) != fingerprint(an_alert(labels={"b": "x"}), ["b"])


def test_labels_that_no_rule_names_do_not_matter_however_many_they_are():
    crowd = {f"label-{number}": "x" * 1000 for number in range(10_000)}

    assert fingerprint(an_alert(labels={"host": "a"}), ["host"]) == fingerprint(an_alert(labels={"host": "a", **crowd}), ["host"])


def test_a_fingerprint_fits_its_column():
    assert len(fingerprint(an_alert("x" * 512))) == 32


def test_text_that_no_database_could_take_has_a_fingerprint_all_the_same():
    assert fingerprint(an_alert("\ud800")) != fingerprint(an_alert("?"))


def test_the_same_id_from_another_source_is_another_event():
    assert ingest_key("web", "1") != ingest_key("probe", "1")


def test_an_ingest_key_has_separators():
    assert ingest_key("web1", "1") != ingest_key("web", "11")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([None], ["-"]),
        ([None], [""]),
        ([], [""]),
        (["a", "b"], ["ab"]),
        (["a", "b"], ["a\x1fb"]),
        (["a", "b"], ["a\x1f+1:b"]),
        (["", "a"], ["a", ""]),
    ],
)
def test_parts_that_look_alike_have_different_digests(one, other):
    assert digest("kind", one) != digest("kind", other)


@given(PARTS, PARTS)
def test_different_parts_have_different_digests(one, other):
    assume(one != other)

    assert digest("kind", one) != digest("kind", other)


@given(PARTS)
def test_digests_of_different_kinds_never_meet(parts):
    assert digest("alert", parts) != digest("incident", parts)


def test_severities_are_in_order():
    assert ["LOW", "MEDIUM", "HIGH", "CRITICAL"] == [severity.name for severity in sorted(Severity)]
