"""Cases: a reference, the people who work on it, and which cameras and times it is about."""
