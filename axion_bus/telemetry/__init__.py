"""How it goes, in figures, for Prometheus: counted as it happens, read now and then, served over HTTP and written into a file.

The only room that knows prometheus-client. It decides nothing; run by the daemon.
"""

from axion_bus.telemetry.figures import Figures
from axion_bus.telemetry.telemetry import Telemetry

__all__ = ["Figures", "Telemetry"]
