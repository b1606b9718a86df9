"""Evidence packs: manifest, export, verifier."""
