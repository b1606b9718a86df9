"""Sites, cameras, coverage, map."""
