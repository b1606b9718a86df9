"""Messages about grants that ended before their time. Answered with `Answer` once the site keeps them."""

from belvedere.link.messages import Reply, Request

MOST_ENDINGS = 500  # in one message


class EndGrants(Request, frozen=True, tag="end_grants"):
    """`endings`: each as `policy.ended.sign_ending` made it. Saying one again changes nothing."""

    endings: tuple[bytes, ...]


REQUESTS: tuple[type[Request], ...] = (EndGrants,)
REPLIES: tuple[type[Reply], ...] = ()
