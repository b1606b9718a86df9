"""Cameras as devices: how they are, what they report, and moving those that can be moved."""
