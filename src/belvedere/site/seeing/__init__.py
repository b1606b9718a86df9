"""Objects in footage, at the site: the confined process that looks, its schedule, rows in the index, answers."""
