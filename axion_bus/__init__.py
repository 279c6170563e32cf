"""axion-bus: alerts on MQTT become incidents, and every change goes back onto the bus.

The public names live here; nothing inside the package imports from here.
"""

__version__ = "0.1.0"
