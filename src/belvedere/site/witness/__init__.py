"""The site as a witness of the hub's log."""
