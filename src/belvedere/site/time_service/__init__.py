"""The time of this machine for cameras on a network of their own: a small NTP server, off unless it is switched on."""
