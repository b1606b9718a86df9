"""Where a store is: addresses, credentials, opening. `obstore` is loaded when the first bucket is opened."""

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import HubSettings, Settings
from belvedere.hub.objects.bucket import BucketStore
from belvedere.hub.objects.folder import FolderStore
from belvedere.hub.objects.store import Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9._-]+)*)/?")
_SAFE = re.compile(r"https://[^/?#\s@]+(/[^?#\s]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?")
_NAMES = ("access_key_id", "secret_access_key", "session_token")
_WITHIN_S = 20  # an answer that takes longer is none


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the hub proves itself with. Never in the database, the log or an error."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def credentials_of(hub: HubSettings) -> Credentials:
    """From the file that the settings name, else from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.

    Raises BadSettings, also when others may read the file.
    """
    if not hub.objects_credentials_file:
        found = {name: os.environ.get(f"AWS_{name.upper()}", "") for name in _NAMES}
        where = "the environment"
    else:
        path = Path(hub.objects_credentials_file)
        where = str(path)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise BadSettings(f"Others may read {path}.", advice=f"Run chmod 600 {path}.")
            words = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:  # what it says must not get into an error: it is a secret
            raise BadSettings(
                f"{path} can't be read: {type(error).__name__}.", advice='Write access_key_id = "..." and the others.'
            ) from None
        found = {name: str(words.get(name, "")) for name in _NAMES}
    if not found["access_key_id"] or not found["secret_access_key"]:
        raise BadSettings(
            f"There are no credentials of the object store in {where}.",
            advice="Give access_key_id and secret_access_key: see the guide on object stores.",
        )
    return Credentials(**found)


def check_address(text: str) -> str:
    """`text` as stores are called: "", file:///FOLDER or s3://BUCKET/PREFIX. Raises BadSettings."""
    if not text or _BUCKET.fullmatch(text):
        return text.rstrip("/")
    if text.startswith("file:///") and len(text) > len("file:///") and ".." not in text:
        return text.rstrip("/")
    raise BadSettings(
        f"{text[:100]!r} is no object store.", advice="Write file:///FOLDER or s3://BUCKET/PREFIX, or leave it empty."
    )


def open_store(address: str, settings: Settings) -> Store:
    """The store at `address`; "" is the data folder. Nothing is asked of it yet. Raises BadSettings."""
    address = check_address(address)
    if not address:
        return FolderStore(settings.hub_folder)
    if address.startswith("file://"):
        return FolderStore(Path(address.removeprefix("file://")), address, must_exist=True)
    return _open_bucket(address, settings.hub)


def _open_bucket(address: str, hub: HubSettings) -> Store:
    from obstore.store import S3Store

    named = _BUCKET.fullmatch(address)
    assert named is not None
    endpoint = hub.objects_endpoint
    if endpoint and not _SAFE.fullmatch(endpoint):
        raise BadSettings(
            f"{endpoint[:100]!r} can't be the object store's endpoint.", advice="Write https:// and the host's name."
        )
    known = credentials_of(hub)
    config: S3Config = {
        "region": hub.objects_region,
        "access_key_id": known.access_key_id,
        "secret_access_key": known.secret_access_key,
        "checksum_algorithm": "SHA256",
    }
    if endpoint:
        config["endpoint"] = endpoint
    if known.session_token:
        config["session_token"] = known.session_token
    client: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=_WITHIN_S),
    }
    retry: RetryConfig = {
        "max_retries": 3,
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
        "retry_timeout": timedelta(seconds=_WITHIN_S),
    }
    try:
        if hub.objects_ca_file:
            client["root_certificate"] = Path(hub.objects_ca_file).read_bytes()
    except OSError as error:
        raise BadSettings(f"{hub.objects_ca_file} can't be read: {error.strerror}.", advice="Correct it.") from error
    prefix = named[2].strip("/") or None
    bucket = S3Store(named[1], prefix=prefix, config=config, client_options=client, retry_config=retry)
    return BucketStore(bucket, address)
