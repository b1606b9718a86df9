"""Seeing: pure functions of packets and frames. No file, no network, no database."""
