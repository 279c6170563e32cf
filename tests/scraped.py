"""What a scrape says, as an independent reader of the format has it: samples by name and labels."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """``families`` are metrics by name, ``samples`` all values: ``scraped["axion_incidents_open", {"severity": "HIGH"}]``."""

    def __init__(self, text: bytes) -> None:
        found = list(text_string_to_metric_families(text.decode()))
        self.families = {family.name + ("_total" if family.type == "counter" else ""): family for family in found}
        self.samples = [sample for family in found for sample in family.samples]

    def __getitem__(self, wanted: str | tuple[str, dict[str, str]]) -> float:
        (value,) = self.all(*((wanted, {}) if isinstance(wanted, str) else wanted))
        return value

    def all(self, name: str, labels: dict[str, str] | None = None) -> list[float]:
        """The values of ``name`` whose labels include ``labels``."""
        wanted = (labels or {}).items()
        return [sample.value for sample in self.samples if sample.name == name and wanted <= sample.labels.items()]
