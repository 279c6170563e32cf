"""Incident reports: what is known of one incident as text, Markdown or one self-contained HTML page, for people who were not there.

``build.py`` gathers and words, ``picture.py`` draws, ``templates/`` lay out. Everything comes as arguments; nothing is looked up.
"""

from axion_bus.reports.build import FORMATS, Material, render

__all__ = ["FORMATS", "Material", "render"]
