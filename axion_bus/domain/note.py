"""A note that a person writes on an incident. Notes are added, never changed; a merge moves them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class NoteType(StrEnum):
    """What a note is about."""

    ROOT_CAUSE = "ROOT_CAUSE"
    RESOLUTION = "RESOLUTION"
    INVESTIGATION = "INVESTIGATION"
    MITIGATION = "MITIGATION"
    GENERAL = "GENERAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One row of ``data_incident_note``."""

    incident_guid: str
    type: NoteType
    content: str
    by: str
    at: datetime
