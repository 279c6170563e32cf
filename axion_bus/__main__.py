"""``python -m axion_bus`` and the ``axion-bus`` script."""

from axion_bus.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
