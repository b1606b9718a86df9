"""Federation: hubs of other controllers ask whether footage is held, request it, and get packages. Never live, never a view."""
