"""Releases of the software and how they reach the sites: taken in, rolled out in stages, stopped on failure."""
