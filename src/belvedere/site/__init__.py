"""The estate's side: ingest, recorder, live, uplink and the site's own index. Never imports the hub."""
