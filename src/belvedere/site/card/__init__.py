"""Break-glass cards at the site: footage for two people when the hub is away."""
