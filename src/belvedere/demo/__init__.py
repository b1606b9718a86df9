"""Alder Grove: the simulated estate with its town, people, cameras and incidents."""
