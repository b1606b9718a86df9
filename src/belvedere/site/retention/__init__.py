"""How long footage stays, what is held back, and how it is destroyed."""
