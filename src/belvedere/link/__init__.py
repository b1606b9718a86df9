"""The protocol between site and hub: messages and channels. Hub and site meet here and nowhere else."""
