"""Who holds live pictures on one place for long says why, or the picture stops."""
