"""The log that outsiders can check."""
