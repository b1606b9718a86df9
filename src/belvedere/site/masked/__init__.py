"""Masked pictures: made at the site, shared by their viewers; the only ones that a masked grant opens."""
