"""A simulated ONVIF device, written from the specifications (Core, Media, Media 2, PTZ, Recording Search, Replay), with faults."""
