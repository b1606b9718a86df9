"""Out-of-hours paging: who is called about recording faults, until somebody answers."""
