"""Sites, cameras, what they cover, and the map."""
