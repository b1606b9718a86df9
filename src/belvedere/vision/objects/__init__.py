"""Objects in pictures: kinds, boxes, coarse colours. Pure functions of frames; no clock, no database, no network."""
