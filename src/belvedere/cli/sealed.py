"""A stream of bytes under a passphrase: scrypt (RFC 7914), then AES-256-GCM in chunks (STREAM construction).

Layout: magic (16 bytes), u32 length and JSON header, then chunks of 1 MiB and their 16-byte tags; the last may be shorter.
Nonce of chunk n: 7 random bytes of the header, u32 n, one byte that is 1 for the last chunk only; so chunks can't be
changed, swapped, left out or cut off unnoticed. The header is authenticated with every chunk.
"""

import base64
import binascii
import hashlib
import json
import os
import struct
import unicodedata
from types import TracebackType
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from belvedere.foundation.errors import BadInput, SealBroken

MAGIC = b"belvedere-bak-1\n"
_CHUNK = 1 << 20
_TAG = 16
_MAX_HEADER = 4096
_MAX_SCRYPT_N = 1 << 20  # 1 GiB of memory; a hostile header may not ask for more
SCRYPT_N = 1 << 17  # 128 MiB, about half a second


def _stretch(passphrase: str, salt: bytes, n: int) -> tuple[bytes, str]:
    """The key, and a check value by which a wrong passphrase is told from altered bytes."""
    words = unicodedata.normalize("NFKC", passphrase).encode()
    both = Scrypt(salt=salt, length=64, n=n, r=8, p=1).derive(words)
    return both[:32], hashlib.sha256(both[32:]).hexdigest()


class _Sealing:
    """What writer and reader share."""

    def __init__(self, key: bytes, prefix: bytes, header: bytes) -> None:
        self._aead = AESGCM(key)
        self._prefix = prefix
        self._header = header
        self._count = 0

    def _nonce(self, last: bool) -> bytes:
        nonce = self._prefix + struct.pack(">IB", self._count, last)
        self._count += 1
        return nonce


class SealedWriter(_Sealing):
    """Writes to `target`. Only `close` makes the archive complete; leaving a `with` block by an error does not."""

    def __init__(self, target: BinaryIO, passphrase: str, *, scrypt_n: int = SCRYPT_N) -> None:
        salt, prefix = os.urandom(16), os.urandom(7)
        key, check = _stretch(passphrase, salt, scrypt_n)
        words = {
            "kdf": "scrypt",
            "n": scrypt_n,
            "salt": base64.b64encode(salt).decode(),
            "check": check,
            "cipher": "AES-256-GCM",
            "prefix": base64.b64encode(prefix).decode(),
        }
        header = json.dumps(words, sort_keys=True).encode()
        super().__init__(key, prefix, header)
        self._target = target
        self._buffer = bytearray()
        target.write(MAGIC + struct.pack(">I", len(header)) + header)

    def write(self, data: bytes) -> int:
        """Take bytes in; whole chunks go out sealed."""
        self._buffer += data
        while len(self._buffer) > _CHUNK:  # never the last one: that is `close`'s
            self._put(bytes(self._buffer[:_CHUNK]), last=False)
            del self._buffer[:_CHUNK]
        return len(data)

    def close(self) -> None:
        """Seal what is left as the last chunk."""
        self._put(bytes(self._buffer), last=True)
        self._buffer.clear()

    def _put(self, data: bytes, *, last: bool) -> None:
        self._target.write(self._aead.encrypt(self._nonce(last), data, self._header))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()


class SealedReader(_Sealing):
    """Reads what a `SealedWriter` wrote.

    Raises BadInput for a wrong passphrase or another kind of file, SealBroken for altered or missing bytes.
    """

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        start = source.read(len(MAGIC) + 4)
        if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 4:
            raise BadInput(
                "This file is not a backup of Belvedere.", advice="Choose a file that `belvedere backup` wrote."
            )
        (length,) = struct.unpack(">I", start[len(MAGIC) :])
        header = source.read(min(length, _MAX_HEADER))
        try:
            words = json.loads(header)
            n, known = int(words["n"]), str(words["check"])
            salt = base64.b64decode(words["salt"], validate=True)
            prefix = base64.b64decode(words["prefix"], validate=True)
            if length > _MAX_HEADER or n > _MAX_SCRYPT_N or n < 2 or n & (n - 1) or len(prefix) != 7:
                raise ValueError("out of bounds")
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise SealBroken("The beginning of this backup is damaged.", advice="Use another copy of it.") from error
        key, check = _stretch(passphrase, salt, n)
        if check != known:
            raise BadInput("That passphrase does not open this backup.", advice="Check it letter by letter.")
        super().__init__(key, prefix, header)
        self._source = source
        self._ahead = source.read(_CHUNK + _TAG)
        self._plain = memoryview(b"")
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        parts = []
        while size > 0:
            if not self._plain:
                if self._ended:
                    break
                self._next()
                continue
            part = self._plain[:size]
            self._plain = self._plain[len(part) :]
            size -= len(part)
            parts.append(bytes(part))
        return b"".join(parts)

    def _next(self) -> None:
        sealed, self._ahead = self._ahead, self._source.read(_CHUNK + _TAG)
        last = not self._ahead
        try:
            self._plain = memoryview(self._aead.decrypt(self._nonce(last), sealed, self._header))
        except (InvalidTag, ValueError) as error:
            raise SealBroken("This backup was altered or cut short.", advice="Use another copy of it.") from error
        self._ended = last
