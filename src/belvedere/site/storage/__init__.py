"""What a site keeps: its index (SQLite), its keys and its disks."""
