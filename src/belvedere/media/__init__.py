"""Packets, fragments, segments, sealing, clips. Knows nothing of databases, HTTP or the rooms above."""
