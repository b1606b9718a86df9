"""Asking for access that needs a second person, deciding on it, and break-glass for when nobody can be asked."""
