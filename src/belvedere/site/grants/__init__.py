"""What a site knows about grants besides their words: which have ended before their time."""
