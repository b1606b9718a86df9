"""Ingest processes: camera in, fragments out. No keys, no database."""
