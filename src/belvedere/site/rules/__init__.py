"""Live rules at a site: what the hub asked to watch for, watched, counted and told."""
