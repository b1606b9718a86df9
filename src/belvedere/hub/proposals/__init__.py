"""Changes of the system itself that a second person has to confirm: who wants one proposes it, another confirms exactly that."""
