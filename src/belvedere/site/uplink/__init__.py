"""The site's end of the link: answers the hub, and only with a grant."""
