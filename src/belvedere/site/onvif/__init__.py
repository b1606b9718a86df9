"""Cameras and recorders that speak ONVIF: finding them, their clock, streams, movement, events and archives."""
