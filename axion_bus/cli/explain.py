"""``axion-bus explain REF|GUID``: the chain from what came in, over what was decided and why, to what went out and became of it."""

from __future__ import annotations

from typing import Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import cell, managing, succeed

Row = dict[str, Any]


@click.command("explain")
@click.argument("what")
@common_options
@click.pass_obj
def command(invocation: Invocation, what: str) -> None:
    """Show what led to WHAT, a message's reference or an incident's guid, and what followed from it."""
    with managing(invocation) as manager:
        chain = manager.explain(what)
    succeed(invocation, chain, "\n".join(_lines(chain)))


def _lines(chain: Row) -> list[str]:
    subject, incident = chain["subject"], chain["incident"]
    lines = [f"came in   {_message(row)}" for row in chain["causes"]]
    if subject is not None:
        lines.append(f"THIS      {_message(subject)}")
        lines += _attempts(subject)
    if incident is not None:
        lines.append(
            f"incident  {incident['IncidentGuid']}  {incident['Severity']} {incident['Status']}: {cell(incident['Title'])}"
        )
        lines += [f"          by rule {cell(incident['RuleName'])}"] if incident["RuleName"] else []
        lines += [f"          merged into {incident['MergedInto']}"] if incident["MergedInto"] else []
    lines += [f"          {cell(row['Timestamp'])}  {cell(row['Description'])}" for row in chain["timeline"]]
    for row in chain["effects"]:
        lines.append(f"went out  {_message(row)}")
        lines += _attempts(row)
    return lines


def _message(row: Row) -> str:
    """One message: where, what became of it, and the named reason."""
    metadata = row["Metadata"] or {}
    why = [
        cell(metadata.get("reason")),
        f"by {cell(metadata['silence'])}" if metadata.get("silence") else "",
        f"rule {cell(metadata['rule'])}" if metadata.get("rule") else "",
        cell(row["ErrorMessage"]),
    ]
    reasons = ", ".join(filter(None, why))
    where = f"{cell(row['Channel'])} {cell(row['Recipient'])}".strip()
    return f"{row['ShortRef']}  {cell(row['Timestamp'])}  {where}  {row['Status']}" + (f"  ({reasons})" if reasons else "")


def _attempts(row: Row) -> list[str]:
    return [
        f"            attempt {each['Number']}  {cell(each['StartedAt'])}  {each['Status']}  {cell(each['ErrorMessage'])}".rstrip()
        for each in row.get("AttemptLog", ())
    ]
