"""Alder Grove: a fictional London-like estate and the streets around it, the same for every seed on every machine."""

from belvedere.demo.town.build import build_town
from belvedere.demo.town.plan import Bay, Door, Road, Town, from_lonlat, to_lonlat

__all__ = ["Bay", "Door", "Road", "Town", "build_town", "from_lonlat", "to_lonlat"]
