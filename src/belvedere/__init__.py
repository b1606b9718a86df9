"""Belvedere: a real-time crime centre that a council can defend in public."""

__version__ = "0.1.0"
