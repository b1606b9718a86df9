"""Updates of this site's software: fetched, checked, built beside the one that runs, switched to, and rolled back by themselves."""
