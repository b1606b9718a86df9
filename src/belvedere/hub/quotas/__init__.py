"""How much footage one person, one access and one camera may be opened for in an hour."""
