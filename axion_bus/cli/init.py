"""``axion-bus init``: write a commented configuration, and with ``--host`` what the host's services read; then say what is next.

What is there already is never touched. What is written is in ``placing``, the steps are here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.placing import ACCOUNTS, CREDENTIALS, OTHER, Answers, Placed, below, is_answered, place, places
from axion_bus.config.loading import SYSTEM_FILE, load, parse
from axion_bus.config.show import secrets
from axion_bus.store.grants import NEEDED_GRANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axion_bus.config import Settings

_ALERT = "axion-bus send --source axion-bus 'Is anybody there?'"  # the ACL lets each account write alerts of its own name


@click.command("init")
@click.option("--host", "is_host", is_flag=True, help="Also write what systemd, mosquitto and the D-Bus bus of this host read.")
@click.option("--database", metavar="URL", help="Use this server: mysql://axion-bus@127.0.0.1/axion_bus. Default: SQLite.")
@click.option(
    "--broker-user", metavar="NAME", help="The daemon's account at the broker. Default: axion-bus with --host, else none."
)
@click.option("--root", type=click.Path(path_type=Path), default=Path("/"), help="Write below this directory, for packages.")
@common_options
@click.pass_obj
def command(invocation: Invocation, *, is_host: bool, database: str | None, broker_user: str | None, root: Path) -> None:
    """Write a commented configuration to /etc/axion-bus/axion-bus.toml, or --config, and say each next step.

    What is there already is never overwritten.
    """
    file = invocation.config or SYSTEM_FILE
    if database:
        parse({"store": {"url": database}})  # before anything is written
    wanted = list(places(file, is_host=is_host, root=root))
    kept = _kept(below(root, str(file)))
    lacks_account = kept is not None and kept.mqtt.username is None and any(each.target == ACCOUNTS for each in wanted)
    known_user = kept.mqtt.username if kept else None
    broker_user = broker_user or known_user or ("axion-bus" if lacks_account or (is_host and kept is None) else None)
    answers = Answers(
        program=_program(),
        database=database,
        broker_user=broker_user,
        credentials=_credentials(kept, database, broker_user, lacks_account=lacks_account),
    )
    placed = [place(each, answers, root) for each in wanted]
    steps = list(_steps(placed, answers, file, is_host=is_host, lacks_account=lacks_account))
    data = {"files": [{"path": str(each.path), "state": each.state} for each in placed], "next": steps}
    width = max(len(str(each.path)) for each in placed)
    lines = [f"{each.path!s:<{width}}  {each.state}" for each in placed]
    invocation.succeed(data, "\n".join([*lines, "", "Next:", "", *_numbered(steps)]))


def _kept(file: Path) -> Settings | None:
    """What is in the configuration that is there already. Raises ConfigError before anything is written."""
    return load(file, environ={}) if file.exists() else None


def _credentials(kept: Settings | None, database: str | None, broker_user: str | None, *, lacks_account: bool) -> tuple[str, ...]:
    """Names of what the configuration takes from systemd: that which is there, or the one that is written."""
    if kept is None:
        wanted = {"mqtt_password": broker_user, "db_password": database}
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)
    named = [secret.name for _, secret in secrets(kept) if secret.kind == "credential"]
    return tuple(dict.fromkeys([*named, "mqtt_password"] if lacks_account else named))


def _program() -> str:
    """How this program is called where nobody's PATH is set."""
    started = Path(sys.argv[0])
    return str(started.absolute()) if started.name == "axion-bus" and os.access(started, os.X_OK) else "/usr/bin/axion-bus"


def _numbered(steps: Sequence[dict[str, str]]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"{number}. {step['what']}"
        yield from (f"     {line}" for line in step["do"].splitlines())


def _steps(
    placed: Sequence[Placed], answers: Answers, file: Path, *, is_host: bool, lacks_account: bool
) -> Iterator[dict[str, str]]:
    """What is left to do, in its order, each with the commands that do it."""
    named = "" if file == SYSTEM_FILE else f" --config {file}"
    targets = {each.target for each in placed}
    others = [str(each.path) for each in placed if each.state == OTHER and not is_answered(each)]
    if others:
        yield _step(f"Compare what was there, and is other than ours, with what it should say: {', '.join(others)}", "")
    if is_host:
        yield _step(
            "Make the user and the directories.", "systemd-sysusers axion-bus.conf\nsystemd-tmpfiles --create axion-bus.conf"
        )
    if answers.broker_user and ACCOUNTS in targets:
        yield _step("Give the daemon an account at the broker, and start the broker anew.", _account(answers.broker_user))
        if lacks_account:
            yield _step(f"Name the account in [mqtt] of {file}: {_named(answers.broker_user)}", "")
    elif answers.broker_user:
        yield _step(f"Write the broker's password of {answers.broker_user}.", f"umask 077; editor {CREDENTIALS}/mqtt_password")
    if answers.database:
        yield _step("Make the database and its account.", _database(answers.database))
    yield _step(
        f"Look through the configuration: what is listened to, the rules, who is told. {file}", f"axion-bus check-config{named}"
    )
    if is_host:
        yield _step("Start the daemon, now and with the host.", "systemctl daemon-reload\nsystemctl enable --now axion-bus")
        yield _step("Ask whether all is well, and send a first alert.", f"axion-bus doctor{named}\n{_ALERT}{named}")
    else:
        yield _step(
            "Run the daemon, and in another terminal ask whether all is well.", f"axion-bus run{named}\naxion-bus doctor{named}"
        )


def _named(user: str) -> str:
    return f'username = "{user}", password = {{ credential = "mqtt_password" }}'


def _step(what: str, do: str) -> dict[str, str]:
    return {"what": what, "do": do}


def _account(user: str) -> str:
    return (
        f"(umask 077; head -c 24 /dev/urandom | base64 >{CREDENTIALS}/mqtt_password)\n"
        f'mosquitto_passwd -b {ACCOUNTS} {user} "$(cat {CREDENTIALS}/mqtt_password)"\n'
        "systemctl restart mosquitto"
    )


def _database(url: str) -> str:
    parts = urlsplit(url)
    database, user = parts.path.lstrip("/"), parts.username or "axion-bus"
    if parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        return (
            f"On {parts.hostname}: CREATE DATABASE {database} CHARACTER SET utf8mb4, and a user {user} with rights on it alone;\n"
            f"its password here: umask 077; editor {CREDENTIALS}/db_password"
        )
    return (
        f"(umask 077; head -c 24 /dev/urandom | base64 >{CREDENTIALS}/db_password)\n"
        f"mariadb <<EOF\n"
        f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4;\n"
        f"CREATE USER '{user}'@'localhost' IDENTIFIED BY '$(cat {CREDENTIALS}/db_password)';\n"
        f"GRANT {', '.join(NEEDED_GRANTS)} ON `{database}`.* TO '{user}'@'localhost';\n"
        "EOF"
    ).replace("`", "\\`")
