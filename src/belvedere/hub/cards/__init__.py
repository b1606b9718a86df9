"""Break-glass cards for sites: made by two people, kept by the hub as public keys, and what was done with them."""
