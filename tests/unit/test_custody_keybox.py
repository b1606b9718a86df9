"""Sealed keys: RFC 9180's own vector, a second HPKE written from the RFC, and a box that is fixed for all time."""

import hashlib
import hmac
import struct

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import SealBroken
from belvedere.media.keybox import (
    CameraDay,
    check_of,
    new_private_key,
    open_box,
    public_key_of,
    recipient_name,
    recipient_of,
    shut,
)

# A second HPKE, RFC 9180 sections 4 and 5, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-GCM.


def _extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    out, block, n = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([n]), hashlib.sha256).digest()
        out, n = out + block, n + 1
    return out[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return _expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def reference_open(enc: bytes, ciphertext: bytes, private: bytes, info: bytes, aad: bytes, key_bytes: int) -> bytes:
    kem = b"KEM" + struct.pack(">H", 0x20)
    own = X25519PrivateKey.from_private_bytes(private)
    dh = own.exchange(X25519PublicKey.from_public_bytes(enc))
    prk = _labeled_extract(kem, b"", b"eae_prk", dh)
    shared = _labeled_expand(kem, prk, b"shared_secret", enc + own.public_key().public_bytes_raw(), 32)
    suite = b"HPKE" + struct.pack(">HHH", 0x20, 1, {16: 1, 32: 2}[key_bytes])
    context = (
        b"\x00" + _labeled_extract(suite, b"", b"psk_id_hash", b"") + _labeled_extract(suite, b"", b"info_hash", info)
    )
    secret = _labeled_extract(suite, shared, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, key_bytes)
    nonce = _labeled_expand(suite, secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, aad)


def test_the_reference_opens_the_vector_of_the_rfc() -> None:
    """RFC 9180, appendix A.1.1, sequence number 0 (AES-128-GCM)."""
    assert (
        reference_open(
            bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"),
            bytes.fromhex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"),
            bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"),
            b"Ode on a Grecian Urn",
            b"Count-0",
            16,
        )
        == b"Beauty is truth, truth beauty"
    )


@given(key=st.binary(min_size=32, max_size=32), info=st.binary(max_size=80))
def test_what_we_seal_the_reference_opens(key: bytes, info: bytes) -> None:
    private = new_private_key()
    box = shut(key, public_key_of(private), info)
    assert len(box) == 89 and box[0] == 1 and recipient_of(box) == recipient_name(public_key_of(private))
    assert open_box(box, private, info) == key
    assert reference_open(box[9:41], box[41:], private, info, b"", 32) == key


FIXED_PRIVATE = bytes(range(32))
FIXED_DAY = CameraDay("2b1c5a0e-3d7f-4a51-9c1e-6f1f0a4d9e77", "gate", 20_780)
FIXED_BOX = (
    "01eedd883da0a94515369583c096fa17cc6dff0c1270bdb2d69960b8551f156a6f286b6a1c59223f0e76c840ed"
    "e858779a4d6a46216005259c771aa06db6b3b409546de67bb93428eacc25c2456c430c2eff6791d6f8683614"
)


def test_a_box_of_version_1_opens_for_ever() -> None:
    assert open_box(bytes.fromhex(FIXED_BOX), FIXED_PRIVATE, FIXED_DAY.info()) == bytes(range(100, 132))
    assert check_of(bytes(range(100, 132))).hex() == "3e19f010e05fc2f210b2febfac02f7de"


@given(at=st.integers(0, 88), bit=st.integers(0, 7))
def test_an_altered_box_does_not_open(at: int, bit: int) -> None:
    box = bytearray.fromhex(FIXED_BOX)
    box[at] ^= 1 << bit
    with pytest.raises(SealBroken):
        open_box(bytes(box), FIXED_PRIVATE, FIXED_DAY.info())


@pytest.mark.parametrize(
    "day",
    [
        CameraDay("another", "gate", 20_780),
        CameraDay(FIXED_DAY.box, "yard", 20_780),
        CameraDay(FIXED_DAY.box, "gate", 20_781),
    ],
    ids=["box", "camera", "day"],
)
def test_a_box_moved_elsewhere_does_not_open(day: CameraDay) -> None:
    with pytest.raises(SealBroken, match="belongs to something else"):
        open_box(bytes.fromhex(FIXED_BOX), FIXED_PRIVATE, day.info())


def test_another_recipient_is_named_as_such() -> None:
    with pytest.raises(SealBroken, match="somebody else"):
        open_box(bytes.fromhex(FIXED_BOX), bytes(reversed(range(32))), FIXED_DAY.info())
    for nonsense in (b"", b"\x01" + bytes(40), b"\x02" + bytes(100)):
        with pytest.raises(SealBroken, match="no sealed key"):
            recipient_of(nonsense)


def test_the_reference_refuses_what_was_altered() -> None:
    box = bytearray.fromhex(FIXED_BOX)
    box[-1] ^= 1
    with pytest.raises(InvalidTag):
        reference_open(bytes(box[9:41]), bytes(box[41:]), FIXED_PRIVATE, FIXED_DAY.info(), b"", 32)
