"""A real RTSP server for simulated cameras: looping films over TCP interleaved, with faults that can be switched on."""
