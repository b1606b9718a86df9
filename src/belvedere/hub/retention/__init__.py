"""How long footage stays, what is held, what was destroyed: what people decide, and what the sites hear of it."""
