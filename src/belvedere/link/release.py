"""A release: wheels and what is said of them, signed offline with a release key (Ed25519). Pure; used by hub, sites and people.

The hub's own keys sign no release, and no site trusts them for one: a hub that was taken over can't give its sites other code.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput, BadSettings, Refused

FORMAT = 1
MOST_FILES, MOST_BYTES, LONGEST_MANIFEST = 400, 4 << 30, 256 << 10
_PREFIX = b"belvedere release 1\n"
_KEY = "bvrk1."
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,180}\.whl")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANY = "any"


class ReleaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wheel. `sha256` in hex."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a release is. `since`: the oldest version that it can follow. `python`: such as 3.11; `machine`: such as x86_64; or any.

    `migrations`: each migration of the site index that the release knows, by number, with the number of the newest one that
    software has to know to work with the index after it (its own: no older software does).
    """

    format: int
    version: str
    since: str
    python: str
    machine: str
    made_us: int
    migrations: dict[str, int]
    files: tuple[ReleaseFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.bytes for each in self.files)


class SignedManifest(msgspec.Struct, frozen=True):
    """A manifest as it was signed. `key`: the public key, which counts only if whoever reads it trusts it already."""

    words: bytes
    signature: bytes
    key: bytes

    @property
    def sha256(self) -> str:
        """What names exactly this release, hex."""
        return hashlib.sha256(self.words).hexdigest()


def version_key(text: str) -> tuple[int, int, int]:
    """A version to compare by. Raises BadInput."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise BadInput(f"{text[:40]!r} is no version.", advice="Write three numbers, such as 1.4.0.")
    return int(found[1]), int(found[2]), int(found[3])


def sign_manifest(manifest: Manifest, key: Ed25519PrivateKey) -> SignedManifest:
    """The manifest as it travels. Raises BadInput for one that makes no sense."""
    check_manifest(manifest)
    words = msgspec.json.encode(manifest, order="sorted")
    return SignedManifest(words, key.sign(_PREFIX + words), key.public_key().public_bytes_raw())


def open_manifest(signed: SignedManifest, trusted: Sequence[bytes]) -> Manifest:
    """The manifest, if one of the trusted keys signed it. Raises Refused."""
    if signed.key not in trusted:
        raise Refused(
            f"This release is signed with the key {key_words(signed.key)[:16]}..., which is not trusted here.",
            advice="If it should be, add it to release_keys in the settings, by hand, at this machine.",
        )
    try:
        Ed25519PublicKey.from_public_bytes(signed.key).verify(signed.signature, _PREFIX + signed.words)
        manifest = msgspec.json.decode(signed.words, type=Manifest)
        check_manifest(manifest)
    except (InvalidSignature, ValueError, msgspec.MsgspecError, BadInput) as error:
        raise Refused(
            "This release was not signed with the key that it names, or was changed.", advice="Fetch it again."
        ) from error
    return manifest


def check_manifest(manifest: Manifest) -> None:
    """Raise BadInput for one that makes no sense, whoever signed it."""
    if manifest.format != FORMAT:
        raise BadInput(f"This release has format {manifest.format}.", advice="Use a newer Belvedere.")
    if version_key(manifest.since) > version_key(manifest.version):
        raise BadInput("A release can't follow a later one.", advice="Check --since.")
    names = [each.name for each in manifest.files]
    if not 0 < len(names) <= MOST_FILES or len(set(names)) != len(names) or manifest.size > MOST_BYTES:
        raise BadInput(f"A release has 1 to {MOST_FILES} files, {MOST_BYTES >> 30} GiB at most, each once.")
    for each in manifest.files:
        if not _FILE.fullmatch(each.name) or each.bytes < 1 or not _SHA256.fullmatch(each.sha256):
            raise BadInput(f"{each.name[:80]!r} can't be a file of a release.", advice="A release consists of wheels.")
    for number, since in manifest.migrations.items():
        if not re.fullmatch(r"\d{4}", number) or not 0 < since <= int(number):
            raise BadInput(f"Migration {number[:8]!r} makes no sense.")


def why_not_after(manifest: Manifest, running: str, newest_migration: int, python: str, machine: str) -> str:
    """Why software `running` can't be followed by this release and gone back to, "" where it can."""
    if version_key(manifest.version) <= version_key(running):
        return f"Version {manifest.version} is no later one than {running}, which runs here."
    if version_key(running) < version_key(manifest.since):
        return f"Version {manifest.version} follows {manifest.since} or later; {running} runs here."
    if manifest.python not in (_ANY, python) or manifest.machine not in (_ANY, machine):
        return f"It is for Python {manifest.python} on {manifest.machine}; here is {python} on {machine}."
    blind = [n for n, since in manifest.migrations.items() if int(n) > newest_migration and since > newest_migration]
    if blind:
        return (
            f"It changes the site's index (migration {blind[0]}) so that {running} could not work with it any more, and "
            "nothing could be rolled back."
        )
    return ""


def key_words(key: bytes) -> str:
    """A public release key as settings hold it."""
    return _KEY + base64.urlsafe_b64encode(key).decode().rstrip("=")


def read_key(text: str) -> bytes:
    """A public release key out of settings. Raises BadSettings."""
    try:
        if not text.startswith(_KEY):
            raise ValueError
        key = base64.urlsafe_b64decode(text.removeprefix(_KEY) + "=")
        if len(key) != 32:
            raise ValueError
    except ValueError as error:
        raise BadSettings(
            f"{text[:60]!r} is no release key.",
            advice="Copy what `belvedere release key` printed, such as bvrk1.Abc...",
        ) from error
    return key
