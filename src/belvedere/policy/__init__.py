"""Who may do what, decided by one pure function. Used by hub and site alike; knows no database and no network."""
