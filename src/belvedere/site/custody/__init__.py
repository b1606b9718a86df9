"""Custody: whom camera-day keys are sealed for, when the site forgets its own copy, and what proves a camera-day whole."""
