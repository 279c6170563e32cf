"""PAGERDUTY: Events API v2, trigger, acknowledge and resolve under one dedup_key, the incident's guid.

Source: PagerDuty developer documentation, "Send an Alert Event" (POST /v2/enqueue).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.channels.http import Poster
from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import PagerDuty
    from axion_bus.ports import Letter

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = {"CRITICAL": "critical", "HIGH": "error", "MEDIUM": "warning", "LOW": "info"}
_SUMMARY_CHARACTERS = 1024
_DETAIL_CHARACTERS = 8192


class PagerDutyChannel:
    """The service behind the routing key is the one recipient."""

    recipients: Sequence[str] = ("service",)

    def __init__(self, settings: PagerDuty) -> None:
        self._settings = settings
        self._poster = Poster(settings)

    async def send(self, letter: Letter) -> Receipt:
        """Send the event; the receipt's id is the dedup_key."""
        incident = letter.incident
        event: dict[str, Any] = {
            "routing_key": self._settings.routing_key.reveal(),
            "event_action": _action(letter),
            "dedup_key": letter.incident_guid or letter.guid,
        }
        if event["event_action"] == "trigger":
            payload = {
                "summary": letter.subject[:_SUMMARY_CHARACTERS],
                "source": "axion-bus",
                "severity": _SEVERITIES.get(incident.get("severity", ""), "error"),
                "component": incident.get("package"),
                "timestamp": incident.get("created_at"),
                "custom_details": {"message": letter.text[:_DETAIL_CHARACTERS], "reference": letter.reference},
            }
            event["payload"] = {name: value for name, value in payload.items() if value is not None}
        answer = await self._poster.post(URL, json=event)
        said = answer.json if isinstance(answer.json, dict) else {}
        return Receipt(external_id=str(said.get("dedup_key") or event["dedup_key"]), answer=answer.kept)

    async def close(self) -> None:
        """Close its connections."""
        await self._poster.close()


def _action(letter: Letter) -> str:
    """What the incident's status calls for: whoever is told of a closed one by hand must not be paged for it again."""
    if letter.occasion == "closed" or letter.incident.get("status") == "CLOSED":
        return "resolve"
    return "acknowledge" if letter.occasion == "acknowledged" else "trigger"
