"""What every section of the configuration is built on: frozen, and closed to keys that it does not know.

Also how a section reports a fault that lies between its keys. The sections are in the files beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails

from axion_bus.config.values import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable


class Section(BaseModel):
    """A table of the configuration. A key's name in TOML is its alias where it has one (``from`` is a word of Python)."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


@dataclass(frozen=True, slots=True)
class Misfit:
    """A fault between keys that are each well formed: where, from the section that finds it, and all that is to be said."""

    at: tuple[str | int, ...]
    text: str


def refuse(misfits: Iterable[Misfit]) -> None:
    """Raise one ValidationError that carries all ``misfits``, if there are any; pydantic puts its own path before theirs."""
    errors = [InitErrorDetails(type=refusal(misfit.text), loc=misfit.at, input=None) for misfit in misfits]
    if errors:
        raise ValidationError.from_exception_data("settings", errors)
