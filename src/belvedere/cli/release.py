"""`belvedere release key | sign | add`: releases of the software, signed offline, taken in by the hub."""

import hashlib
import os
import re
import zipfile
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from belvedere.cli.backups import PassphraseFile, _passphrase
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BadInput, Conflict, StorageFault
from belvedere.foundation.settings import load_settings
from belvedere.link.release import FORMAT, Manifest, ReleaseFile, key_words, read_key, sign_manifest

app = typer.Typer(
    help="Releases of the software: make a release key, sign a folder of wheels, take a release in at the hub."
)
_WHEEL = re.compile(r"belvedere-(\d+\.\d+\.\d+)-.*\.whl")
_MIGRATION = re.compile(r"belvedere/site/storage/migrations/(\d{4})_\w+\.sql")
_READERS = re.compile(r"-- readers: (\d{4})\n")


@app.command("key")
def key(
    out: Annotated[
        Path, typer.Argument(help="File to write the private key to. Keep it offline, and a copy elsewhere.")
    ],
    passphrase_file: PassphraseFile = None,
    plain: Annotated[bool, typer.Option("--plain", help="Without a passphrase.")] = False,
) -> None:
    """Make a release key; prints the public one, which hub and sites have to trust (release_keys in their settings)."""
    made = Ed25519PrivateKey.generate()
    shut = NoEncryption() if plain else BestAvailableEncryption(_passphrase(passphrase_file, confirm=True).encode())
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Conflict(f"{out} can't be written: {error.strerror}.", advice="Choose another name.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut))
    typer.echo(key_words(made.public_key().public_bytes_raw()))


@app.command("sign")
def sign(
    folder: Annotated[
        Path, typer.Argument(help="Folder with the wheel of Belvedere and those of all that it stands on.")
    ],
    key_file: Annotated[Path, typer.Option("--key", help="Private release key.")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write; VERSION.release if not given.")] = None,
    since: Annotated[str, typer.Option("--since", help="Oldest version that can be followed by this one.")] = "0.1.0",
    python: Annotated[
        str, typer.Option("--python", help="Python that the wheels are for, such as 3.11; or any.")
    ] = "any",
    machine: Annotated[str, typer.Option("--machine", help="Machine, such as x86_64; or any.")] = "any",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign all wheels of a folder as one release. The version, and what it does to a site's index, stand in the wheel."""
    from belvedere.hub.rollouts.store import write_release

    wheels = sorted(folder.glob("*.whl"))
    mine = [each for each in wheels if _WHEEL.fullmatch(each.name)]
    if len(mine) != 1:
        raise BadInput(
            f"{folder} holds {len(mine)} wheels of Belvedere; a release has one.",
            advice="python -m pip wheel . -w FOLDER",
        )
    version = _WHEEL.fullmatch(mine[0].name)
    assert version is not None
    manifest = Manifest(
        FORMAT,
        version[1],
        since,
        python,
        machine,
        SystemClock().now_us(),
        migrations_of(mine[0]),
        tuple(ReleaseFile(each.name, each.stat().st_size, _sha256(each)) for each in wheels),
    )
    signed = sign_manifest(manifest, _private(key_file, passphrase_file))
    place = out or Path(f"belvedere-{version[1]}.release")
    write_release(place, signed, manifest, folder)
    typer.echo(f"{place}: version {version[1]}, {len(wheels)} wheels, {manifest.size >> 20} MiB")
    typer.echo(f"signed as {signed.sha256} with {key_words(signed.key)}")


@app.command("add")
def add(
    archive: Annotated[Path, typer.Argument(help="What `belvedere release sign` wrote.")],
    data: DataOption = REAL_DATA,
) -> None:
    """At the hub: check a release against the keys that the hub trusts, and keep it for roll-outs."""
    from belvedere.hub.custody.local import key_office
    from belvedere.hub.rollouts.book import RolloutBook
    from belvedere.hub.rollouts.store import ReleaseStore

    settings = load_settings(data)
    trusted = [read_key(each) for each in settings.hub.release_keys]
    with key_office(settings) as office:
        signed, manifest = ReleaseStore(settings.hub_folder / "releases").take_in(archive, trusted)
        RolloutBook(office.engine, office.clock).add_release(signed, manifest, office.noting)
    typer.echo(f"Version {manifest.version} is taken in, signed as {signed.sha256}.")
    typer.echo("Roll it out on the page Sites, or with: belvedere rollout start")


def migrations_of(wheel: Path) -> dict[str, int]:
    """Each migration of the site index in a wheel, with the oldest software that works with the index after it."""
    found: dict[str, int] = {}
    try:
        with zipfile.ZipFile(wheel) as opened:
            for name in opened.namelist():
                if match := _MIGRATION.fullmatch(name):
                    said = _READERS.match(opened.read(name).decode())
                    found[match[1]] = int(said[1]) if said else int(match[1])
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise BadInput(f"{wheel.name} is no wheel: {error}.", advice="Build it anew.") from error
    return found


def _private(path: Path, passphrase_file: Path | None) -> Ed25519PrivateKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageFault(f"{path} can't be read: {error.strerror}.", advice="Check the name.") from error
    try:
        shut = b"ENCRYPTED" in data
        words = _passphrase(passphrase_file, confirm=False).encode() if shut else None
        found = load_pem_private_key(data, words)
    except ValueError as error:
        raise BadInput(f"{path} can't be opened: {error}.", advice="Check file and passphrase.") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise BadInput(f"{path} holds another sort of key.", advice="Make one with `belvedere release key`.")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
