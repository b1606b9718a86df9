"""Letting a site in over real TLS: token, request, second person, papers; and everything that must not open the door."""

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from belvedere.foundation.errors import BadInput, Conflict, Refused, SiteAway
from belvedere.link.enrolment import LINK_NAME, SiteToken, make_request, make_site_key, read_token
from belvedere.site.uplink.papers import Place, read_place
from fleet_stage import fleet_stage


def test_a_token_is_read_as_it_was_written() -> None:
    token = SiteToken("rowan-court", bytes(range(16)), bytes(range(32)))
    assert read_token(f"  {token}\n") == token
    assert "secret" not in repr(token) and len(token.hashed) == 64
    for wrong in (
        "",
        "bv1.rowan",
        str(token)[:-1],
        str(token).replace("bv1", "bv2"),
        str(token).replace("rowan", "Ro"),
    ):
        with pytest.raises(BadInput, match="no site token"):
            read_token(wrong)


def test_a_hubs_address_is_read() -> None:
    assert read_place("https://hub.example:9000/") == Place("hub.example", 9000)
    assert read_place("hub.example") == Place("hub.example", 8711)
    assert read_place("[::1]:5").url == "[::1]:5"
    for wrong in ("", "http://hub.example", "hub.example:99999", "https://hub.example/path", "https://me@hub.example"):
        with pytest.raises(BadInput):
            read_place(wrong)


async def test_a_site_is_let_in_by_two_people_and_gets_its_papers(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk, box = stage.hub.fleet.desk, stage.box("rowan")
        token = await stage.token("rowan")
        asked = await asyncio.to_thread(box.papers.ask, stage.place, token, "box 7")
        assert await asyncio.to_thread(box.papers.ask, stage.place, token, "box 7") == asked, "the answer was lost"
        assert (await asyncio.to_thread(box.papers.collect, stage.place, asked)).state == "waiting"
        with pytest.raises(Refused, match="made the token"):
            await desk.decide(stage.ann, asked.id, let_in=True, seen=asked.fingerprint, reason="")
        with pytest.raises(BadInput, match="not the fingerprint"):
            await desk.decide(stage.ben, asked.id, let_in=True, seen="0000 " * 8, reason="")
        await desk.decide(stage.ben, asked.id, let_in=True, seen=asked.fingerprint.upper(), reason="seen on the screen")
        assert (await asyncio.to_thread(box.papers.collect, stage.place, asked)).state == "in"
        assert box.papers.place() == stage.place
        assert box.papers.enrolled
        assert (tmp_path / "rowan" / "hub.pub").read_bytes() == stage.hub.key.public_key().public_bytes_raw()
        assert {each.id for each in stage.hub.register.sites()} == {"main", "rowan"}
        with pytest.raises(Conflict):
            await desk.decide(stage.ben, asked.id, let_in=True, seen=asked.fingerprint, reason="")
        other = stage.box("rowan", folder="thief")
        with pytest.raises(Refused, match="opens nothing"):
            await asyncio.to_thread(other.papers.ask, stage.place, token, "another box")
        kinds = [entry.kind for entry in reversed(stage.hub.audit.entries(limit=20))]
        assert [kind for kind in kinds if kind.startswith("site.")] == ["site.token_made", "site.asked", "site.let_in"]


async def test_a_site_that_is_refused_hears_why(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = stage.box("rowan")
        asked = await asyncio.to_thread(box.papers.ask, stage.place, await stage.token("rowan"), "box")
        with pytest.raises(BadInput, match="why"):
            await stage.hub.fleet.desk.decide(stage.ben, asked.id, let_in=False, seen="", reason=" ")
        await stage.hub.fleet.desk.decide(stage.ann, asked.id, let_in=False, seen="", reason="not our box")
        papers = await asyncio.to_thread(box.papers.collect, stage.place, asked)
        assert (papers.state, papers.reason, box.papers.enrolled) == ("refused", "not our box", False)


async def test_a_token_for_another_site_another_hub_or_past_its_time_opens_nothing(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box, token = stage.box("rowan"), await stage.token("rowan")
        with pytest.raises(Refused, match="opens nothing"):
            await asyncio.to_thread(box.papers.ask, stage.place, replace(token, site="elm"), "box")
        with pytest.raises(Refused, match="is not the hub"):
            await asyncio.to_thread(box.papers.ask, stage.place, replace(token, authority=bytes(32)), "box")
        with pytest.raises(Refused, match="opens nothing"):
            await asyncio.to_thread(box.papers.ask, stage.place, replace(token, secret=bytes(16)), "box")
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            shut = Place(*nobody.getsockname()[:2])
        with pytest.raises(SiteAway, match="can't be reached"):
            await asyncio.to_thread(box.papers.ask, shut, token, "box")
        assert (await asyncio.to_thread(box.papers.ask, stage.place, token, "box")).fingerprint
        late = await stage.token("elm")
        found = stage.hub.fleet.desk.book.by_token(late.hashed)
        assert found.state(found.expires_us - 1) == "open" and found.state(found.expires_us) == "lapsed"


async def test_the_listener_speaks_tls_1_3_to_who_has_papers_and_nothing_else(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:

        def shake(context: ssl.SSLContext, path: str = "/link/renew") -> bytes:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with (
                socket.create_connection((stage.place.host, stage.place.port), timeout=30) as plain,
                context.wrap_socket(plain, server_hostname=LINK_NAME) as tls,
            ):
                tls.sendall(
                    b"POST %b HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % path.encode()
                )
                said = b""
                while part := tls.recv(4096):
                    said += part
                return said

        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(shake, old)
        nobody = await asyncio.to_thread(shake, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        assert nobody.startswith(b"HTTP/1.1 403") and b"No certificate" in nobody
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.load_cert_chain(_self_signed(tmp_path / "stranger.pem"))
        try:
            said = await asyncio.to_thread(shake, stranger)
        except (ssl.SSLError, ConnectionError):  # or the connection just ends, when the alert comes after our last word
            said = b""
        assert said == b""


async def test_papers_are_renewed_with_a_fresh_key_by_their_owner_only(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box, elm = stage.box("rowan"), stage.box("elm")
        await stage.let_in(box)
        await stage.let_in(elm)
        before = box.papers.certificate()
        assert not box.papers.renewal_due()
        await asyncio.to_thread(box.papers.renew, "rowan")
        after = box.papers.certificate()
        assert after.serial_number != before.serial_number and after.public_key() != before.public_key()
        with pytest.raises(Refused, match="its own"):
            await asyncio.to_thread(elm.papers.renew, "rowan")
        await stage.hub.fleet.desk.revoke(stage.ann, "rowan", "stolen")
        with pytest.raises(Refused, match="opens nothing"):
            await asyncio.to_thread(box.papers.renew, "rowan")


async def test_what_was_let_in_and_shut_out_holds_after_a_restart(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        await stage.let_in(stage.box("rowan"))
        await stage.let_in(stage.box("elm"))
        await stage.hub.fleet.desk.revoke(stage.ann, "elm", "moved away")
    async with fleet_stage(tmp_path) as stage:
        assert stage.hub.fleet.desk.sites() == {"rowan"}
        assert set(stage.hub.fleet.places.open) == {"rowan"}


def _self_signed(path: Path) -> Path:
    """A certificate of an authority that nobody knows."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key = make_site_key()
    name = x509.load_der_x509_csr(make_request("rowan", key)).subject
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(plain + made.public_bytes(pem))
    return path
