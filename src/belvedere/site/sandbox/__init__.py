"""How a process is started that reads what strangers wrote: without keys, database or network."""
