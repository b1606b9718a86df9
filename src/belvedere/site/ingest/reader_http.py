"""A camera's HTTP answer as a stream of bytes, over a connection that is open already (RFC 9112; log-in RFC 7616, 7617).

Nothing is followed: a redirect is refused, so that an address means one camera.
"""

import re
import socket
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse

from belvedere.foundation.errors import CameraDenied
from belvedere.media.rtsp import Authenticator, strongest_challenge
from belvedere.site.ingest.reader_fault import ReaderFault, closed, explain
from belvedere.site.ingest.reader_pipe import ReadOrder

_OPEN_S = 8.0
_READ_S = 20.0  # the owner loses patience sooner; this is for a reader whose owner waits
_MOST_OF_A_REFUSAL = 64 << 10
_LONGEST_CHALLENGE = 400


class Body:
    """The bytes of one answer. `read` gives what is there, at most `most`; nothing at the end."""

    def __init__(self, answer: HTTPResponse) -> None:
        self.lost = 0
        self._answer = answer

    @property
    def boundary(self) -> str:
        """What parts the pictures of a JPEG camera; "" for any other content."""
        kind = self._answer.headers.get_content_type()
        return str(self._answer.headers.get_param("boundary", "")) if kind == "multipart/x-mixed-replace" else ""

    def read(self, most: int) -> bytes:
        try:
            return self._answer.read1(most)
        except HTTPException:
            return b""  # it broke off within a chunk


def open_http(connection: socket.socket, order: ReadOrder, url: str, place: str) -> Body:
    """Asks for the stream and returns its bytes. Raises ReaderFault, CameraDenied, OSError."""
    scheme, _, rest = url.partition("://")
    authority = re.match(r"[^/?]*", rest)
    target = rest[authority.end() if authority else 0 :] or "/"
    target = target if target.startswith("/") else f"/{target}"
    connection.settimeout(_OPEN_S)
    if scheme == "https":
        try:
            connection = _encrypt(connection)
        except ssl.SSLError as error:
            raise ReaderFault("protocol", f"{place} does not speak HTTPS.", "Try its http:// address.") from error
    authenticator = Authenticator(order.username, order.password)
    if order.challenge and (known := strongest_challenge((order.challenge,))):
        authenticator.accept(known)
    answer = _ask(connection, authority[0] if authority else place, target, authenticator, place)
    if answer.status == 401:
        offered = tuple(answer.headers.get_all("WWW-Authenticate") or ())
        challenge = strongest_challenge(offered)
        if not order.username or order.challenge or challenge is None:
            raise CameraDenied("The camera refused the user name or password.", advice="Check both.")
        answer.read(_MOST_OF_A_REFUSAL)
        if answer.will_close or not answer.isclosed():
            said = next((text for text in offered if strongest_challenge((text,)) == challenge), "")
            if len(said) > _LONGEST_CHALLENGE:
                raise CameraDenied("The camera's question for a password is too long.", advice="Update its firmware.")
            raise ReaderFault("again", said, "")
        authenticator.accept(challenge)
        answer = _ask(connection, authority[0] if authority else place, target, authenticator, place)
    _check(answer.status, place)
    connection.settimeout(_READ_S)
    return Body(answer)


def _ask(
    connection: socket.socket, authority: str, target: str, authenticator: Authenticator, place: str
) -> HTTPResponse:
    client = HTTPConnection("camera")
    client.sock = connection
    client.auto_open = False
    try:
        client.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        client.putheader("Host", authority)
        client.putheader("User-Agent", "Belvedere")
        client.putheader("Accept", "*/*")
        if word := authenticator.header("GET", target):
            client.putheader("Authorization", word)
        client.endheaders()
        return client.getresponse()
    except (HTTPException, ValueError) as error:
        if isinstance(error, ConnectionError):
            raise closed(place) from error
        raise explain(error, "http", place, opened=False) from error


def _check(status: int, place: str) -> None:
    if status == 401 or status == 403:
        raise CameraDenied("The camera refused the user name or password.", advice="Check both.")
    if status == 404:
        raise ReaderFault("protocol", f"The camera at {place} knows no such stream (404).", "Check the path.")
    if 300 <= status < 400:
        text = f"The camera at {place} redirects to another address, which is not followed."
        raise ReaderFault("protocol", text, "Enter the address that it really streams from.")
    if status != 200:
        raise ReaderFault(
            "protocol", f"The camera at {place} answered with an error ({status}).", "Check the path of the address."
        )


def _encrypt(connection: socket.socket) -> ssl.SSLSocket:
    """TLS without proof of who answers: cameras have certificates of their own making. The address is pinned instead."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)
