"""Any other JSON, by the configuration's mapping: an alert's field = a JMESPath expression over the message.

The expressions also see ``topic`` and ``topic_levels``. Imported only where there is a mapping, for jmespath takes a while.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from axion_bus.domain.communication import Fault
from axion_bus.errors import ConfigError
from axion_bus.formats import limits, parts
from axion_bus.formats.fields import NAMES, alert
from axion_bus.formats.message import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context, Decoder

_LABEL = "labels."


def compile_mapping(mapping: Mapping[str, str]) -> Decoder:
    """The decoder that ``mapping`` describes. Raises ConfigError that tells every fault of it."""
    faults = list(_faults(mapping))
    if faults:
        raise ConfigError("; ".join(faults))
    compiled = {name: jmespath.compile(text) for name, text in mapping.items()}
    return partial(parts.decode, reader=partial(_alert, compiled=compiled))


def _faults(mapping: Mapping[str, str]) -> Iterator[str]:
    unknown = sorted(name for name in mapping if not _is_field(name))
    if unknown:
        allowed = f"{', '.join(sorted(NAMES))} and labels.<name>"
        yield f"found {', '.join(unknown)}, which an alert does not have; allowed are {allowed}"
    if "title" not in mapping:
        yield "title is missing: an alert needs one"
    for name, text in mapping.items():
        fault = _fault(text)
        if fault:
            yield f"{name} = {text!r} {fault}"


def _is_field(name: str) -> bool:
    label = name.removeprefix(_LABEL)
    return name in NAMES or (label != name and 0 < len(label) <= limits.LABEL_NAME)


def _fault(text: str) -> str | None:
    try:
        tree = jmespath.compile(text).parsed
    except JMESPathError as exc:
        return f"is not a JMESPath expression: {str(exc).splitlines()[0].rstrip(' :')}"
    except RecursionError:
        return "is not a JMESPath expression: it is nested too deep"
    return next(_function_faults(tree), None)


def _function_faults(node: Any) -> Iterator[str]:
    """What is wrong with the calls in an expression; jmespath itself would tell only when it meets a message."""
    if node["type"] == "function_expression":
        known = Functions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            yield f"calls {node['value']}(), which JMESPath does not have"
        else:
            wanted, found = len(known["signature"]), len(node["children"])
            is_variadic = bool(wanted) and bool(known["signature"][-1].get("variadic"))
            if found < wanted or (found > wanted and not is_variadic):
                yield f"calls {node['value']}() with {found} arguments; it takes {wanted}{' or more' if is_variadic else ''}"
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _function_faults(child)


def _alert(value: dict[str, object], context: Context, compiled: Mapping[str, Any]) -> Alert:
    root = {**value, "topic": context.topic, "topic_levels": context.topic.split("/")}
    given: dict[str, object] = {}
    labels: dict[str, object] = {}
    for name, expression in compiled.items():
        found = _search(expression, root, name)
        if name.startswith(_LABEL):
            labels[name.removeprefix(_LABEL)] = found
        else:
            given[name] = found
    all_labels = given.get("labels")
    if labels and (all_labels is None or isinstance(all_labels, dict)):
        given["labels"] = {**(all_labels or {}), **labels}
    return alert(given, context, "mapping.{}".format)


def _search(expression: Any, root: dict[str, object], name: str) -> object:
    try:
        found: object = expression.search(root)
    except Exception as exc:  # noqa: BLE001 - jmespath lets through whatever Python says of odd operands; this input is settled
        detail = f"{expression.expression!r}: {str(exc).splitlines()[0] if str(exc) else type(exc).__name__}"[:300]
        raise Unreadable(Fault.MAPPING_FAILED, f"mapping.{name}", detail) from None
    return found
