"""Networks that look at pictures: where they come from, how they are kept, which are let in."""
