"""Live pictures: one camera stream in, many viewers out."""
