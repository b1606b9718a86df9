"""Identity, sessions, roles and grants."""
