"""Live rules: who set which, what they raised, and how often people found that they were wrong."""
