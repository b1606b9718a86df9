"""Makes of cameras: where they serve their streams, what is known against their firmware, and until when they are supported."""
