"""The recorder: fragments in, sealed segments and index rows out. Holds the keys."""
