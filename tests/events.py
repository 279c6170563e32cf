"""Reading an event as another program would: by the CloudEvents SDK, and held to the JSON Schema that is in docs/."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cloudevents.core.formats.json import JSONFormat

from tests.json_schema import Schema, faults

SCHEMAS = Path(__file__).parents[1] / "docs/schemas"


@cache
def schema(name: str) -> Schema:
    """A schema of docs/schemas."""
    return dict(json.loads(SCHEMAS.joinpath(f"{name}.json").read_text("utf-8")))


def read_event(body: bytes) -> dict[str, Any]:
    """The event in ``body``. AssertionError: the schema does not allow it, or the SDK reads something else."""
    event = dict(json.loads(body))
    assert [] == faults(schema("event"), event), event
    read = JSONFormat().read(None, body)
    read_by_sdk = (read.get_id(), read.get_type(), read.get_source(), read.get_subject(), read.get_data())
    assert tuple(event.get(name) for name in ("id", "type", "source", "subject", "data")) == read_by_sdk
    return event


def is_event(topic: str) -> bool:
    """Whether ``topic`` is one of events: ``<base>/events/<noun>/<verb>``."""
    return topic.split("/")[-3:-2] == ["events"]
