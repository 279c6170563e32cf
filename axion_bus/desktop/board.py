"""What is to be on a person's screen, from what the daemon told and what the person did. Pure: ``screen`` makes it so.

An incident is there while nobody has taken it on; afterwards only when there is news of it: it became worse, it was reopened, or a
message calls for it. What a person has put away comes back with news, too. There are never more than ``limit`` incidents at once,
the worst and, of those, the oldest; one line stands for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axion_bus.desktop import notices
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import IncidentStatus
from axion_bus.domain.routing import EVERY_DESKTOP, Occasion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from axion_bus.desktop.notices import Answer, Notice
    from axion_bus.desktop.views import IncidentView, LetterView

REST = "rest"
MESSAGES = 5
"""So many messages without an answer at once; a further one takes the place of the oldest."""

_SHOWN_ANYWAY = Occasion.CREATED
_REOPENED = EventKind.INCIDENT_REOPENED.partition("/")[2]
_NO_CALL = (Occasion.ACKNOWLEDGED, Occasion.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """An open incident. ``is_quiet``: put away by the person, or being answered. ``is_called``: to be seen although in work."""

    view: IncidentView
    is_quiet: bool = False
    is_called: bool = False
    calls: int = 0
    text: str | None = None

    @property
    def is_wanted(self) -> bool:
        return not self.is_quiet and (self.is_called or self.view.status is IncidentStatus.CREATED)

    @property
    def notice(self) -> Notice:
        return notices.of_incident(self.view, text=self.text, calls=self.calls)


class Board:
    """The open incidents of one daemon and the messages of its notify codes, for ``user``."""

    def __init__(self, *, user: str, limit: int = 5) -> None:
        self._recipients = (EVERY_DESKTOP, user)
        self._limit = limit
        self._cards: dict[str, _Card] = {}
        self._messages: dict[str, Notice] = {}
        self._number = 0
        self._rest_put_away = 0
        self._told_since: set[str] | None = None

    def notices(self) -> Mapping[str, Notice]:
        """What is to be seen, by a key that stays the same while it changes: an incident's is its guid."""
        wanted = sorted((card for card in self._cards.values() if card.is_wanted), key=_place)
        seen = {card.view.guid: card.notice for card in wanted[: self._limit]}
        rest = [card.view for card in wanted[self._limit :]]
        self._rest_put_away = min(self._rest_put_away, len(rest))
        if len(rest) > self._rest_put_away:
            seen[REST] = notices.of_rest(rest)
        return {**seen, **self._messages}

    def told(self, view: IncidentView, event: str | None = None) -> None:
        """An incident is as ``view`` shows it, because of ``event``. What is older than what is known changes nothing."""
        if self._told_since is not None:
            self._told_since.add(view.guid)
        card = self._cards.get(view.guid)
        if card is not None and view.version < card.view.version:
            return
        if view.status is IncidentStatus.CLOSED:
            self._cards.pop(view.guid, None)
        else:
            self._cards[view.guid] = _changed(card, view, event)

    def gone(self, guid: str) -> None:
        """The daemon no longer has the incident ``guid``."""
        if self._told_since is not None:
            self._told_since.add(guid)
        self._cards.pop(guid, None)

    def ask(self) -> None:
        """The daemon is asked for all open incidents; what it tells before it has answered is newer than its answer."""
        self._told_since = set()

    def answer(self, views: Iterable[IncidentView]) -> None:
        """These are all open incidents."""
        newer, self._told_since = self._told_since or set(), None
        current = {view.guid: view for view in views}
        for guid in self._cards.keys() - current.keys() - newer:
            del self._cards[guid]
        for guid, view in current.items():
            if guid not in newer:
                self.told(view)

    def letter(self, letter: LetterView) -> None:
        """A notify code has a message for desktops. That an incident was opened is seen without it."""
        if letter.recipient not in self._recipients or letter.occasion == _SHOWN_ANYWAY:
            return
        card = self._cards.get(letter.incident_guid or "")
        if card is None or letter.occasion in _NO_CALL:
            self._say(notices.of_letter(letter))
        else:
            self._cards[card.view.guid] = _called(replace(card, text=letter.text))

    def put_away(self, key: str) -> None:
        """The person, or the server by itself, has closed what is seen under ``key``."""
        self._messages.pop(key, None)
        if key == REST:
            self._rest_put_away = max(0, sum(card.is_wanted for card in self._cards.values()) - self._limit)
        elif key in self._cards:
            self._cards[key] = replace(self._cards[key], is_quiet=True)

    def failed(self, guid: str, answer: Answer, why: str) -> None:
        """An answer came to nothing; the incident, which was put away when it was given, is there again."""
        card = self._cards.get(guid)
        if card is not None:
            self._say(notices.of_failure(card.view, answer, why))
            self._cards[guid] = replace(card, is_quiet=False)

    def _say(self, notice: Notice) -> None:
        self._number += 1
        self._messages[f"message {self._number}"] = notice
        if len(self._messages) > MESSAGES:
            del self._messages[next(iter(self._messages))]


def _place(card: _Card) -> tuple[int, str]:
    return -card.view.severity, card.view.created_at


def _changed(card: _Card | None, view: IncidentView, event: str | None) -> _Card:
    if card is None:
        card = _Card(view=view)
    elif card.view.status is not view.status:
        card = replace(card, is_called=False, text=None)
    is_news = event == _REOPENED or view.severity > card.view.severity
    card = replace(card, view=view)
    return _called(card) if is_news else card


def _called(card: _Card) -> _Card:
    return replace(card, is_quiet=False, is_called=True, calls=card.calls + 1)
