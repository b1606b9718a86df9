"""Permanent masks: windows of dwellings and the like, that nobody is ever shown."""
