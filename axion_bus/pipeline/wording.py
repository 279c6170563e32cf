"""The words of a message to people, by the nearest template: the caller's, the code's, the channel's, ours. Pure.

A template from the configuration was checked when it was read; one from ``def_notify`` may be faulty, and then gives way to the
plain one, which says so. Called by ``notifications``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.domain import template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.domain.incident import Incident
    from axion_bus.domain.routing import NotifyCode

TITLE = template.parse("[{incident_severity}] {incident_title} ({incident_status})")
TEMPLATE = template.parse("""\
{incident_severity}: {incident_title}

Status: {incident_status}
Package: {incident_package}
Created: {incident_created_at}

{incident_description}

Incident {incident_guid}
""")
_SUBJECT_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A channel as far as writing to it goes: who is reached where nobody else is named, and its own templates."""

    recipients: Sequence[str]
    title: template.Template | None = None
    template: template.Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be told. ``html`` as in ``ports.Letter``; ``remark`` says what is wrong with the notify code, if anything is."""

    subject: str
    text: str
    html: str | None = None
    remark: str | None = None


def worded(incident: Incident, code: NotifyCode | None, reach: Reach | None, text: template.Template | None) -> Message:
    """What tells of ``incident``; ``text`` is the caller's own template."""
    remarks: list[str] = [code.fault] if code and code.fault else []
    title = _parsed("Title", code.title if code else None, remarks) or (reach.title if reach else None) or TITLE
    body = text or _parsed("Template", code.template if code else None, remarks) or (reach.template if reach else None) or TEMPLATE
    remark = "; ".join(remarks) or None
    rendered = body.render(incident).strip("\n") + "\n"
    if code is not None and remark is not None:
        rendered += f"\n(Notify code {code.code}: {remark})\n"
    subject = " ".join(title.render(incident).split())
    return Message(subject=_cut(subject), text=rendered, remark=remark)


def _cut(subject: str) -> str:
    return subject if len(subject) <= _SUBJECT_CHARACTERS else f"{subject[: _SUBJECT_CHARACTERS - 1]}…"


def _parsed(column: str, text: str | None, remarks: list[str]) -> template.Template | None:
    if text is None or not text.strip():
        return None
    try:
        return template.parse(text)
    except ValueError as exc:
        remarks.append(f"its {column} is faulty, so this is the plain one: {exc}")
        return None
