"""``[metrics]``: where the figures for Prometheus are shown."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from axion_bus.config.section import Section
from axion_bus.config.values import AbsolutePath, Allowed, Text

_OFF = "off"
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]|([^:\[\]/ ]+)):([0-9]{1,5})")


def _parse(text: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found[3]) < 65_536:
        raise ValueError("not host:port")
    return found[1] or found[2], int(found[3])


def _check_address(text: str) -> str:
    if text != _OFF:
        _parse(text)
    return text


def _check_suffix(path: Path) -> Path:
    if path.suffix != ".prom":
        raise ValueError("node_exporter reads *.prom")
    return path


Address = Annotated[Text, AfterValidator(_check_address), Allowed('"off", or "host:port" such as "127.0.0.1:9464" or "[::1]:9464"')]
PromFile = Annotated[AbsolutePath, AfterValidator(_check_suffix), Allowed('an absolute path that ends in .prom: "/..."')]


class Metrics(Section):
    """Figures for Prometheus, see docs/metrics.md: over HTTP, or in a file for node_exporter, or both."""

    listen: Address = Field(_OFF, description="Where they may be scraped, as http://host:port/metrics.")
    textfile: PromFile | None = Field(
        None, description="A file in the directory of node_exporter's textfile collector; written anew every 15 s."
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of ``listen``; None: off."""
        return None if self.listen == _OFF else _parse(self.listen)
