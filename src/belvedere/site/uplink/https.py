"""HTTPS to the hub and to nobody else, with what Python brings: the site's process loads no web client."""

import http.client
import socket
import ssl
from dataclasses import dataclass

from belvedere.link.enrolment import LINK_NAME

_TIMEOUT_S = 30.0
_LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class HubConnection(http.client.HTTPSConnection):
    """One connection that stays open. Blocks. The hub's certificate is checked for the link's name, whatever address it has."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_S, context=tls)
        self._tls = tls

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._tls.wrap_socket(plain, server_hostname=LINK_NAME)
        except BaseException:
            plain.close()
            raise

    def exchange(self, method: str, path: str, body: bytes) -> Answer:
        """Ask and read the whole answer. Raises OSError or HTTPException; the connection is of no use then."""
        self.request(method, path, body=body)
        reply = self.getresponse()
        said = reply.read(_LONGEST_ANSWER + 1)
        if len(said) > _LONGEST_ANSWER:
            raise http.client.HTTPException("the answer is too long")
        return Answer(reply.status, said)
