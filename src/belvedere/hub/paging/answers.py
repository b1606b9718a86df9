"""The link in a page with which somebody says that they look after it. Signed, good for one page, spent by the first answer.

    {origin}/page/{message id}.{signature}

The signature is HMAC-SHA256 over the message's id, so that a message that is sent again after a restart has the same link and
nothing secret stands in the database. Opening the link changes nothing: mail filters open links; the button on it does.
"""

import base64
import hashlib
import hmac
import os
from pathlib import Path

from belvedere.foundation.errors import NotFound, StorageFault

_PREFIX = b"belvedere page answer 1\n"
_MAC_BYTES = 15
_KEY_BYTES = 32


def answer_key(path: Path) -> bytes:
    """The key of the signatures, made at first use, mode 600. Raises StorageFault."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            near = path.with_name(f"{path.name}.{os.getpid()}.new")
            descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(descriptor, os.urandom(_KEY_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            near.rename(path)
        key = path.read_bytes()
    except OSError as error:
        raise StorageFault(f"The key {path} can't be read or made: {error}.", advice="Check its owner.") from error
    if len(key) != _KEY_BYTES:
        raise StorageFault(f"The key {path} is damaged.", advice="Remove it: links that were sent end with it.")
    return key


def token_of(key: bytes, message_id: str) -> str:
    """What stands in the link of a message."""
    mac = hmac.digest(key, _PREFIX + message_id.encode(), hashlib.sha256)[:_MAC_BYTES]
    return f"{message_id}.{base64.b32encode(mac).decode().lower()}"


def message_of(key: bytes, token: str) -> str:
    """The id of the message whose link this is. Raises NotFound for any other text."""
    message_id, _, _ = token.rpartition(".")
    if not message_id or not hmac.compare_digest(token_of(key, message_id).encode(), token.encode()):
        raise NotFound("This link is not one of Belvedere's pages.", advice="Open the link exactly as it was sent.")
    return message_id
