"""What every room stands on: clock, ids, errors, settings, geometry. Knows no room above it."""
