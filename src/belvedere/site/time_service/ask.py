"""Asking a time server as a client would, once."""

import socket

from belvedere.foundation.clock import Clock
from belvedere.site.time_service.packet import Answer, parse_answer, write_question

_PATIENCE_S = 1.0
_LONGEST = 512


def ask_time(host: str, port: int, clock: Clock) -> Answer | None:
    """What the server on `host` says; None when it says nothing within a second. Blocks."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    asked_us = clock.now_us()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(_PATIENCE_S)
            client.connect((host, port))
            client.send(write_question(asked_us))
            return parse_answer(client.recv(_LONGEST), asked_us)
    except OSError:
        return None
