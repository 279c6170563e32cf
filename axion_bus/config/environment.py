"""Environment variables that override a key: ``AXION_BUS__MQTT__URL=...``, ``AXION_BUS__RULES__0__CREATE_AT=HIGH``.

A text is taken literally where a text is wanted; elsewhere the value is read as TOML (``5``, ``true``, ``{ env = "X" }``).
"""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from axion_bus.config.faults import Fault, unknown_key
from axion_bus.config.keys import dotted, kind_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.config.keys import KeyPath

PREFIX = "AXION_BUS__"


def overlay(data: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[KeyPath, str], list[Fault]]:
    """Put the variables of ``environ`` into ``data``, which is changed. Which variable set which key, and what could not be put."""
    variables: dict[KeyPath, str] = {}
    faults = []
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        path = _path(name)
        try:
            _check_known(path)
            _put(data, path, _value(path, environ[name]))
        except ValueError as exc:
            faults.append(Fault(f"environment {name}", dotted(path), str(exc)))
        else:
            variables[path] = name
    return variables, faults


def _path(name: str) -> KeyPath:
    steps = name.removeprefix(PREFIX).split("__")
    return tuple(int(step) if step.isdecimal() and len(step) < 10 else step.lower() for step in steps)


def _check_known(path: KeyPath) -> None:
    for length in range(1, len(path) + 1):
        if kind_at(path[:length]) is None:
            raise ValueError(unknown_key(path[:length]))


def _value(path: KeyPath, text: str) -> object:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("its value is not UTF-8") from None
    kind = kind_at(path)
    if kind is None or kind.is_text:
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _put(data: dict[str, Any], path: KeyPath, value: object) -> None:
    node: Any = data
    for step, after in pairwise(path):
        node = _child(node, step, [] if isinstance(after, int) else {})
    _child(node, path[-1], None)
    node[path[-1] if isinstance(node, list) else str(path[-1])] = value


def _child(node: Any, step: str | int, empty: object) -> Any:
    """What is in ``node`` at ``step``; ``empty`` is put there first where there is nothing, in an array only at its end."""
    if isinstance(node, dict):
        return node.setdefault(str(step), empty)
    if not isinstance(node, list):
        raise ValueError("what is above it is set already, and not to a table")  # noqa: TRY004 - caught by overlay, as one kind
    if not isinstance(step, int) or step > len(node):
        raise ValueError(f"it is below an array of {len(node)}; write the number of an element, at most {len(node)}")
    if step == len(node):
        node.append(empty)
    return node[step]
