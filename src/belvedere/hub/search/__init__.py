"""Search: a question in words or facets, asked of the sites that hold the footage."""
