"""The database: that it can be reached, and that it is what our promises stand on. ``store.inspection`` asks it, we judge."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.config.urls import MysqlUrl, SqliteUrl
from axion_bus.doctor.finding import LIMIT_S, Finding, fail, ok, unread, warn
from axion_bus.errors import AxionError, StoreUnavailable
from axion_bus.store.grants import NEEDED_GRANTS, WORKING_GRANTS
from axion_bus.store.inspection import Facts, ServerFacts, look_at_file, look_at_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axion_bus.config.settings import Store

_WRONG_PASSWORD, _NO_DATABASE, _NO_ACCESS, _NOT_FROM_HERE = (1045, 1698), (1049,), (1044, 1142), (1130,)
_MODES = {"STRICT_ALL_TABLES", "NO_ENGINE_SUBSTITUTION", "NO_ZERO_DATE"}
_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
_STEP = timedelta(seconds=1)
_TOO_MUCH = ("SUPER", "FILE", "SHUTDOWN", "CREATE USER", "RELOAD", "PROCESS")


async def examine(store: Store) -> Sequence[Finding]:
    """All about the database; only that, if it cannot be reached."""
    match store.url:
        case SqliteUrl():
            return await _file(Path(store.url.path))
        case MysqlUrl():
            return await _server(store, store.url)


async def _file(path: Path) -> Sequence[Finding]:
    if not await asyncio.to_thread(path.exists):
        return [warn("database.reach", f"{path} is not there yet", "start the daemon, which makes it; or 'axion-bus db upgrade'")]
    try:
        facts = await look_at_file(path, LIMIT_S)
    except StoreUnavailable as exc:
        return [fail("database.reach", str(exc), f"restore {path} from a backup, or move it away and start with an empty one")]
    return [ok("database.reach", f"{path} can be read"), *_common(facts)]


async def _server(store: Store, url: MysqlUrl) -> Sequence[Finding]:
    untried = unread("database.login", store.password)
    if untried is not None:
        return [untried]
    try:
        password = store.password.reveal() if store.password else None
        facts = await look_at_server(str(url), password, min(store.timeout_s, LIMIT_S))
    except AxionError as exc:
        return [unreachable(url, exc)]
    return [ok("database.reach", f"{url} answers, {facts.version}"), *_common(facts), *judge(facts, url)]


def unreachable(url: MysqlUrl, exc: AxionError) -> Finding:
    """Why, as far as the server or the system says."""
    code = _code(exc)
    text = str(exc)
    if code in _WRONG_PASSWORD:
        repair = f"write the password of {url.user} to where [store] password says, or set it: ALTER USER ... IDENTIFIED BY ..."
        return fail("database.login", text, repair)
    if code in _NO_DATABASE:
        return fail("database.reach", text, f"make it: CREATE DATABASE {url.database} CHARACTER SET utf8mb4")
    if code in _NO_ACCESS:
        return fail("database.grants", text, _grant(url, NEEDED_GRANTS))
    if code in _NOT_FROM_HERE:
        return fail("database.login", text, f"let {url.user} in from this host: CREATE USER '{url.user}'@'...'")
    repair = f"start it (systemctl start mariadb), or correct [store] url: nothing answers at {url.host}:{url.port}"
    return fail("database.reach", text, repair)


def _code(exc: BaseException) -> int | None:
    """The number of the driver's error that ``exc`` came from."""
    cause: BaseException | None = exc
    while cause is not None:
        original = getattr(cause, "orig", None) or cause
        if original.args and isinstance(original.args[0], int):
            return original.args[0]
        cause = cause.__cause__
    return None


def _common(facts: Facts) -> Iterator[Finding]:
    yield schema(facts)
    yield clock_step(facts, datetime.now(UTC))
    yield gaps(facts)


def schema(facts: Facts) -> Finding:
    """Whether it is this program's."""
    status = facts.schema
    if status.is_current:
        return ok("database.schema", f"{status.found}, as this program needs it")
    if status.found is None:
        return warn("database.schema", "the database is empty", "start the daemon, which fills it; or 'axion-bus db upgrade'")
    if status.is_newer:
        repair = "install the newer axion-bus that this database was upgraded by"
        return fail("database.schema", f"{status.found}, newer than this program, which knows up to {status.wanted}", repair)
    return fail("database.schema", f"{status.found}, this program needs {status.wanted}", "axion-bus db upgrade")


def clock_step(facts: Facts, now: datetime) -> Finding:
    """A row from the future: the clock was set back since it was written."""
    if facts.newest is not None and facts.newest - now > _STEP:
        ahead = (facts.newest - now).total_seconds()
        text = f"the newest message is dated {ahead:.0f} s in the future: the clock was set back since"
        return fail("clock.step", text, "set the clock right, and let something keep it right (systemd-timesyncd)")
    return ok("clock.step", "nothing in the audit stream is dated in the future")


def gaps(facts: Facts) -> Finding:
    """What was lost, or refused, within the last day."""
    if not facts.gaps:
        return ok("audit.gaps", "none within the last day")
    reference, text = facts.gaps[0]
    found = f"{len(facts.gaps)} within the last day, the newest {reference}: {text}"
    return warn("audit.gaps", found, f"see what it says, and 'axion-bus explain {reference}'; a day later this is quiet again")


def judge(facts: ServerFacts, url: MysqlUrl) -> Iterator[Finding]:
    """What only a server can have wrong."""
    yield version(facts)
    yield engine(facts)
    yield durability(facts)
    yield sql_mode(facts)
    yield charset(facts, url)
    yield time_zone(facts)
    yield grants(facts, url)


def version(facts: ServerFacts) -> Finding:
    """Whether it is one that we are tried with."""
    kind = "MariaDB" if "mariadb" in facts.version.lower() else "MySQL"
    numbers = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", facts.version)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST[kind]:
        return fail("database.version", f"{kind} {facts.version}", "upgrade it: MariaDB 10.6 or MySQL 8.0, or newer, are needed")
    return ok("database.version", f"{kind} {facts.version}")


def engine(facts: ServerFacts) -> Finding:
    """Transactions are everything here."""
    wrong = {name: engine for name, (engine, _) in facts.tables.items() if engine != "InnoDB"}
    if wrong:
        names = ", ".join(f"{name} ({engine})" for name, engine in wrong.items())
        text = f"not InnoDB, so not transactional: {names}"
        return fail("database.engine", text, "; ".join(f"ALTER TABLE {name} ENGINE=InnoDB" for name in wrong))
    return ok("database.engine", f"{len(facts.tables)} tables, all InnoDB")


def durability(facts: ServerFacts) -> Finding:
    """Whether a commit is on the disk when it returns."""
    value = facts.variables.get("innodb_flush_log_at_trx_commit", "")
    found = f"innodb_flush_log_at_trx_commit = {value}"
    repair = "set innodb_flush_log_at_trx_commit = 1 in the server's configuration, and restart it"
    if value == "1":
        return ok("database.durability", found)
    if value == "2":
        return warn("database.durability", f"{found}: a power cut loses up to a second of accepted alerts", repair)
    return fail("database.durability", f"{found}: a crash of the server loses up to a second of accepted alerts", repair)


def sql_mode(facts: ServerFacts) -> Finding:
    """Whether our connection has the mode that it asked for; a proxy may have taken it away."""
    value = facts.variables.get("sql_mode", "")
    missing = _MODES - set(value.split(","))
    if missing:
        repair = "let the proxy before the server pass SET sql_mode on, or set it as the server's default"
        return fail("database.sql_mode", f"{value or 'none'}; missing {', '.join(sorted(missing))}", repair)
    return ok("database.sql_mode", value)


def charset(facts: ServerFacts, url: MysqlUrl) -> Finding:
    """Whether every text fits."""
    wrong = [name for name, (_, collation) in facts.tables.items() if not collation.startswith("utf8mb4")]
    if wrong:
        repair = "; ".join(f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" for name in wrong)
        return fail("database.charset", f"not utf8mb4, so not every text fits: {', '.join(wrong)}", repair)
    found = facts.variables.get("character_set_database", "")
    if found != "utf8mb4":
        repair = f"ALTER DATABASE `{url.database}` CHARACTER SET utf8mb4"
        return warn("database.charset", f"the database's default is {found}, our tables have utf8mb4", repair)
    return ok("database.charset", found)


def time_zone(facts: ServerFacts) -> Finding:
    """Whether our connection counts in UTC, and the server's clock agrees with ours."""
    zone, offset_s = facts.variables.get("time_zone", ""), facts.offset.total_seconds()
    if zone != "+00:00":
        repair = "let the proxy before the server pass SET time_zone on"
        return fail("database.time_zone", f"{zone}, and not the +00:00 that was asked for", repair)
    if abs(offset_s) > 1:
        repair = "let both machines' clocks be kept right: leases and silences end by the database's"
        return warn("database.time_zone", f"UTC, but the server's clock is {offset_s:+.1f} s off ours", repair)
    return ok("database.time_zone", f"UTC, {offset_s:+.2f} s off ours")


def grants(facts: ServerFacts, url: MysqlUrl) -> Finding:
    """Whether the account may do what it has to, and not much more."""
    held, everywhere = _held(facts, url)
    missing = [grant for grant in NEEDED_GRANTS if grant not in held and "ALL PRIVILEGES" not in held]
    lacking = [grant for grant in WORKING_GRANTS if grant in missing]
    if lacking:
        return fail("database.grants", f"{facts.user} lacks {', '.join(lacking)}", _grant(url, lacking))
    too_much = sorted(everywhere & {"ALL PRIVILEGES", *_TOO_MUCH})
    if too_much:
        text = f"{facts.user} may {', '.join(too_much)} on the whole server"
        return warn("database.grants", text, f"give the daemon an account of its own: {_grant(url, NEEDED_GRANTS)}")
    if missing:
        text = f"{facts.user} lacks {', '.join(missing)}, which 'axion-bus db upgrade' needs"
        return warn("database.grants", text, _grant(url, missing))
    return ok("database.grants", f"{facts.user} has what is needed on {url.database}")


def _held(facts: ServerFacts, url: MysqlUrl) -> tuple[set[str], set[str]]:
    """What the account may do with our database, and what everywhere."""
    ours, everywhere = set(), set()
    for line in facts.grants:
        found = re.match(r"GRANT (.+?) ON (\S+) TO ", line)
        if found is None:
            continue
        names = {name.strip() for name in found[1].split(",")}
        where = found[2].replace("`", "").replace("\\", "")
        if where == "*.*":
            everywhere |= names
        elif where == f"{url.database}.*":
            ours |= names
    return ours | everywhere, everywhere


def _grant(url: MysqlUrl, names: Sequence[str]) -> str:
    return f"GRANT {', '.join(names)} ON `{url.database}`.* TO '{url.user}'@'...'"
