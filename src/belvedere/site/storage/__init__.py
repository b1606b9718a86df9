"""The site's own index: cameras, runs, segments, keys."""
