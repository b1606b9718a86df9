"""Sightings over time become events: confirmed, grouped, with furniture left out. Pure; without numpy."""
