"""Any alert, written as native JSON by anybody's writer, reads back as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from tests.reading import elements

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=40).filter(lambda text: not text.isspace())
ALERTS = st.builds(
    Alert,
    title=TEXTS,
    source=TEXTS,
    package=TEXTS,
    severity=st.sampled_from(Severity),
    status=st.sampled_from(AlertStatus),
    description=st.just("") | TEXTS,
    id=st.none() | TEXTS,
    dedup_key=st.none() | TEXTS,
    alert_guid=st.none() | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40),
    labels=st.dictionaries(TEXTS, st.text(CHARACTERS, max_size=40), max_size=5),
    occurred_at=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)


def native(alert):
    return {
        "title": alert.title,
        "source": alert.source,
        "package": alert.package,
        "severity": alert.severity.name,
        "status": alert.status.value.lower(),
        "description": alert.description,
        "id": alert.id,
        "dedup_key": alert.dedup_key,
        "alert_guid": alert.alert_guid,
        "labels": dict(alert.labels),
        "occurred_at": alert.occurred_at and alert.occurred_at.isoformat(),
    }


@pytest.mark.parametrize("format_", ["native", "auto"])
@pytest.mark.parametrize("layout", [{}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (" , ", " : ")}], ids=str)
@given(alerts=st.lists(ALERTS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_alert_written_as_native_json_reads_back(format_, layout, alerts):
    values = [native(alert) for alert in alerts]

    found = elements(format_, json.dumps(values if len(values) > 1 else values[0], **layout))

    assert alerts == [element.content for element in found]
