"""RTSP without sockets: messages, log-in, the conversation, and everything a camera may say instead."""

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import CameraDenied, CameraProtocol, UnsupportedCodec
from belvedere.media.rtcp import parse_rtcp
from belvedere.media.rtsp import (
    Authenticator,
    message_end,
    parse_challenge,
    parse_message,
    strongest_challenge,
    write_request,
)
from belvedere.media.rtsp_session import RtspSession, SessionState
from ingest_stage import Packetizer, describe, film, sender_report

URL = "rtsp://10.0.0.5/stream"
DIGEST = 'Digest realm="cam", nonce="abc", qop="auth", algorithm={}, opaque="zz"'


def reply(session: RtspSession, status: str = "200 OK", headers: str = "", body: str = "") -> bytes:
    """An answer to the session's last request."""
    sequences = re.findall(rb"CSeq: (\d+)", bytes(session.outgoing))
    session.outgoing.clear()
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 {status}\r\nCSeq: {int(sequences[-1])}\r\n{headers}{length}\r\n{body}".encode()


def played(headers: str = "Transport: RTP/AVP/TCP;interleaved=0-1\r\nSession: 9;timeout=20\r\n") -> RtspSession:
    """A session whose PLAY has been answered."""
    session = RtspSession(URL, "", "")
    session.begin()
    session.receive(reply(session, headers="Public: DESCRIBE, GET_PARAMETER\r\n"), 0)
    session.receive(reply(session, body=describe(film())), 0)
    session.receive(reply(session, headers=headers), 0)
    session.receive(reply(session), 0)
    return session


def test_a_conversation() -> None:
    session = RtspSession(URL, "", "")
    session.begin()
    assert session.outgoing.startswith(b"OPTIONS rtsp://10.0.0.5/stream RTSP/1.0\r\nCSeq: 1\r\n")
    session.receive(reply(session, headers="Public: GET_PARAMETER\r\nServer: Cam/2\r\n"), 0)
    assert session.outgoing.startswith(b"DESCRIBE rtsp://10.0.0.5/stream ")
    described = f"Content-Base: {URL}/\r\n"
    session.receive(reply(session, headers=described, body=describe(film())), 0)
    assert session.outgoing.startswith(b"SETUP rtsp://10.0.0.5/stream/trackID=1 ")
    assert b"RTP/AVP/TCP;unicast;interleaved=0-1" in session.outgoing
    session.receive(reply(session, headers="Session: 9;timeout=20\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n"), 0)
    assert session.outgoing.startswith(b"PLAY rtsp://10.0.0.5/stream/ ")
    assert b"Session: 9\r\n" in session.outgoing
    data = reply(session) + Packetizer(film().codec, channel=2).film(film())
    units = []
    for at in range(0, len(data), 999):
        units += session.receive(data[at : at + 999], 0)
    assert len(units) == len(film().pictures)
    assert (session.state, session.server, session.keep_alive_s) == (SessionState.PLAYING, "Cam/2", 10)
    session.receive(sender_report(1_780_000_000_000_000, 5, channel=3), 1000)
    assert session.reports[0].rtp == 5
    session.keep_alive(2000)
    assert b"GET_PARAMETER rtsp://10.0.0.5/stream/ " in session.outgoing
    assert b"Session: 9\r\n" in session.outgoing
    report = session.outgoing[session.outgoing.index(b"$\x03") :]
    assert len(report) == 4 + int.from_bytes(report[2:4], "big")
    assert parse_rtcp(bytes(report[4:])).report is None
    session.outgoing.clear()
    session.teardown()
    assert session.outgoing.startswith(b"TEARDOWN")
    assert session.state is SessionState.CLOSED


def test_pictures_before_the_answer_to_play_count() -> None:
    session = RtspSession(URL, "", "")
    session.begin()
    session.receive(reply(session), 0)
    session.receive(reply(session, body=describe(film())), 0)
    session.receive(reply(session), 0)
    assert session.receive(Packetizer(film().codec).film(film()), 0)
    assert session.state is SessionState.PLAYING


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest(algorithm: str) -> None:
    session = RtspSession(URL, "root", 'p"a:s')
    session.begin()
    session.receive(reply(session, "401 Unauthorized", f"WWW-Authenticate: {DIGEST.format(algorithm)}\r\n"), 0)
    fields = dict(re.findall(r'(\w+)="?([^",\r]+)', session.outgoing.decode().split("Digest ")[1]))
    assert (fields["username"], fields["realm"], fields["nc"], fields["opaque"]) == ("root", "cam", "00000001", "zz")

    def digest(text: str) -> str:
        return (hashlib.md5 if algorithm == "MD5" else hashlib.sha256)(text.encode()).hexdigest()

    secret, act = digest('root:cam:p"a:s'), digest(f"OPTIONS:{URL}")
    assert fields["response"] == digest(f"{secret}:abc:00000001:{fields['cnonce']}:auth:{act}")
    assert 'p"a:s' not in repr(session._authenticator)


def test_rfc_2069_digest_without_quality() -> None:
    authenticator = Authenticator("Mufasa", "Circle Of Life")
    authenticator.accept(
        parse_challenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    )
    header = authenticator.header("GET", "/dir/index.html")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in header
    assert "qop" not in header


def test_the_strongest_challenge_is_answered() -> None:
    challenges = ('Basic realm="x"', DIGEST.format("MD5"), DIGEST.format("SHA-256"), DIGEST.format("SHA-512-256"))
    chosen = strongest_challenge(challenges)
    assert chosen is not None and chosen.algorithm == "SHA-256"
    basic = strongest_challenge(challenges[:1])
    assert basic is not None and basic.scheme == "basic"
    assert strongest_challenge(("Negotiate abc", 'Digest realm="x", nonce="1", qop="auth-int"')) is None


def test_an_aged_nonce_is_answered_once_more_and_a_wrong_password_is_not() -> None:
    session = RtspSession(URL, "root", "x")
    session.begin()
    session.receive(reply(session, "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="1"\r\n'), 0)
    stale = 'WWW-Authenticate: Digest realm="r", nonce="2", stale=true\r\n'
    session.receive(reply(session, "401 Unauthorized", stale), 0)
    assert b'nonce="2"' in session.outgoing
    with pytest.raises(CameraDenied, match="refused the user name or password"):
        session.receive(reply(session, "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="3"\r\n'), 0)


def test_a_new_nonce_while_playing_is_answered() -> None:
    session = RtspSession(URL, "root", "x")
    session.begin()
    session.receive(reply(session, "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="1"\r\n'), 0)
    session.receive(reply(session), 0)
    session.receive(reply(session, body=describe(film())), 0)
    session.receive(reply(session), 0)
    session.receive(reply(session), 0)
    session.keep_alive(0)
    session.receive(reply(session, "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="2"\r\n'), 0)
    assert b'nonce="2"' in session.outgoing
    assert session.state is SessionState.PLAYING


def test_the_camera_may_end_it() -> None:
    for words in (b"TEARDOWN * RTSP/1.0\r\nCSeq: 4\r\n\r\n", b"$\x01\x00\x08\x81\xcb\x00\x01\x00\x00\x00\x01"):
        session = played()
        session.receive(words, 0)
        assert session.state is SessionState.CLOSED
    session = played()
    session.keep_alive(0)
    session.receive(reply(session, "454 Session Not Found"), 0)
    assert session.state is SessionState.CLOSED


def test_the_camera_may_ask() -> None:
    session = played()
    session.receive(b"OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\nANNOUNCE * RTSP/1.0\r\nCSeq: 78\r\n\r\n", 0)
    assert (
        bytes(session.outgoing)
        == b"RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\nRTSP/1.0 501 Not Implemented\r\nCSeq: 78\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("461 Unsupported Transport", CameraProtocol),
        ("404 Not Found", CameraProtocol),
        ("301 Moved", CameraProtocol),
        ("403 Forbidden", CameraDenied),
        ("500 Oops", CameraProtocol),
    ],
)
def test_refusals(answer: str, error: type[Exception]) -> None:
    session = RtspSession(URL, "", "")
    session.begin()
    session.receive(reply(session), 0)
    with pytest.raises(error):
        session.receive(reply(session, answer), 0)


def test_udp_only_is_refused() -> None:
    session = RtspSession(URL, "", "")
    session.begin()
    session.receive(reply(session), 0)
    session.receive(reply(session, body=describe(film())), 0)
    with pytest.raises(CameraProtocol, match="RTSP over TCP"):
        session.receive(reply(session, headers="Transport: RTP/AVP;unicast;client_port=1-2\r\n"), 0)


def test_messages_end_where_they_say() -> None:
    text = b"RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
    assert message_end(text + b"$", 0) == len(text)
    assert [message_end(text[:size], 0) for size in range(len(text))] == [-1] * len(text)
    assert message_end(b"RTSP/1.0 200 OK\n\nx", 0) == 17
    for endless in (b"RTSP/1.0 200 OK\r\n" + b"a" * 20_000, b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"):
        with pytest.raises(CameraProtocol):
            message_end(endless, 0)


def test_requests_are_written_whole() -> None:
    assert write_request("PLAY", URL, 3, {"Session": "1"}) == (
        b"PLAY rtsp://10.0.0.5/stream RTSP/1.0\r\nCSeq: 3\r\nUser-Agent: Belvedere\r\nSession: 1\r\n\r\n"
    )


@given(st.binary(max_size=300))
def test_any_message_is_read_or_refused(data: bytes) -> None:
    try:
        parse_message(data)
    except CameraProtocol:
        pass
    strongest_challenge((data.decode("latin-1"),))
    authenticator = Authenticator("u", "p")
    challenge = strongest_challenge(("Digest nonce=1, " + data.decode("latin-1"),))
    if challenge is not None:
        authenticator.accept(challenge)
        authenticator.header("PLAY", URL)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 4), st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([
    b"RTSP/1.0 200 OK\r\n", b"RTSP/1.0 401 U\r\n", b"CSeq: 2\r\n", b"\r\n", b"Content-Length: 10\r\n", b"$\0\0\x10",
    b"WWW-Authenticate: Digest nonce=a\r\n", b"OPTIONS * RTSP/1.0\r\n", b"Transport: interleaved=99999\r\n",
])), max_size=30))  # fmt: skip
def test_whatever_a_camera_says_only_camera_errors_come_out(steps: int, words: list[bytes]) -> None:
    session = RtspSession(URL, "user", "secret")
    session.begin()
    try:
        for step in range(steps):
            body = describe(film()) if step == 1 else ""
            session.receive(reply(session, body=body), 0)
        for word in words:
            session.receive(word, 0)
            assert len(session.outgoing) < 100_000
    except (CameraDenied, CameraProtocol, UnsupportedCodec) as error:
        assert "secret" not in str(error)
