"""The process that holds keys and index: fragments in, sealed and durable footage out; the reading side too."""
