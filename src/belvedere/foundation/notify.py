"""Tells the service manager how this process does: sd_notify(3), one datagram to the socket that NOTIFY_SOCKET names."""

import os
import socket

_SOCKET = "NOTIFY_SOCKET"


def tell_manager(*facts: str) -> bool:
    """Send facts such as READY=1. Returns whether somebody was told; without a service manager nobody is.

    A manager that can't be reached must not end what it manages: it notices by itself that it was not told.
    """
    address = os.environ.get(_SOCKET, "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.settimeout(1.0)
        try:
            line.connect("\0" + address[1:] if address[0] == "@" else address)
            line.sendall("\n".join(facts).encode())
        except OSError:
            return False
    return True
