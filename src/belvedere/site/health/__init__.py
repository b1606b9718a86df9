"""How cameras and disks do: history, uptime, faults, hints about the picture. Reads what the recorder knows."""
