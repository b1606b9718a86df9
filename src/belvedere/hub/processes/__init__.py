"""A hub of several processes behind one address: who they are, which of them has the chair, and how they hand work over."""
