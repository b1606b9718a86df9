"""The council's side. Never imports the site."""
