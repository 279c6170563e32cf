"""A host for the doctor to look at: all is as it should be, until a test sees to it that it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers import MariaDb, Mosquitto, configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shell import Shell

MACHINE = "clock.synchronised"  # the machine's own business
ALONE = {"daemon": "warn", "broker.session": "warn"}  # as long as no daemon runs
ACL = """
user axion-bus
topic read axion/alerts/#
topic read axion/request/#
topic read axion/inbound/#
topic read $SYS/broker/publish/messages/dropped
topic readwrite axion/events/#
topic readwrite axion/incidents/#
topic readwrite axion/summary
topic readwrite axion/instances/#
topic write axion/response/#
"""


@dataclass
class Host:
    """A broker, a database server and a configuration, all as they should be, and no daemon."""

    directory: Path
    broker: Mosquitto
    mariadb: MariaDb
    store: str
    shell: Shell

    @property
    def file(self):
        return self.directory / "axion-bus.toml"

    @property
    def database(self):
        return self.store.rpartition("/")[2]

    def configure(self, *, store=None, mqtt="", more=""):
        account = f'username = "axion-bus"\npassword = {{ file = "{self.directory}/mqtt_password" }}'
        password = f'{store or self.store}"\npassword = {{ file = "{self.directory}/db_password" }}\n#"'
        text = configuration(store="URL", broker=self.broker.url, mqtt=f"{account}\n{mqtt}", more=more)
        self.file.write_text(text.replace('"URL"', f'"{password}'))
        for name in ("mqtt_password", "db_password"):
            (self.directory / name).write_text("hunter2\n")
            (self.directory / name).chmod(0o600)

    def sql(self, *statements):
        with self.mariadb.connect(self.database) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def examine(self, *arguments):
        """Exit code, and what is not as it should be, by check."""
        said = self.shell("doctor", "--json", "--config", self.file, *arguments)
        self.findings = {finding["check"]: finding for finding in said.json["data"]["findings"]}
        found = said.json["data"]["findings"]
        troubles = {each["check"]: each["verdict"] for each in found if each["verdict"] != "ok" and each["check"] != MACHINE}
        assert all(each["repair"] for each in found if each["verdict"] != "ok")
        return said.code, troubles
