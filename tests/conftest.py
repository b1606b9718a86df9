"""For all tests: property tests look for wrong answers, never for slow ones, and give the same examples every time."""

from hypothesis import settings

settings.register_profile("belvedere", deadline=None, derandomize=True)
settings.load_profile("belvedere")
