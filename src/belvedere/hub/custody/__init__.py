"""Custody of footage keys: wrapping keys, ceremony, release under a grant, recovery, lost and disposed boxes."""
