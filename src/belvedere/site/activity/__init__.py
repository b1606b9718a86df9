"""L0 activity: what the sizes of packets and the differences of keyframes tell, every second of every camera."""
