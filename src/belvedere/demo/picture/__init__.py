"""How the demo's cameras see Alder Grove: the painted backdrop, the figures in it, and one frame after another."""
