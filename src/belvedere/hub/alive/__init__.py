"""Whether this hub answers and can work: asked by proxies, containers and load balancers, which have no account."""
