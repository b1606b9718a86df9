"""Live, timelines and playback."""
