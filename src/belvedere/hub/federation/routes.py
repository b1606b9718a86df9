"""Partners over HTTP: which there are, what they may ask, what was asked and answered. Nothing here shows a picture."""

from belvedere.hub.federation import tables  # noqa: F401 - the tables are known from here on
from belvedere.hub.room import Room

router = Room("partners")
