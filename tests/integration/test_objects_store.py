"""Both stores through one set of promises: a folder, and a real S3 server. What is there is whole, written once, and as it was."""

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from belvedere.foundation.errors import BadSettings, Conflict, DiskFull, NotFound, ObjectsAway, StorageFault
from belvedere.hub.objects.address import check_address, credentials_of, open_store
from belvedere.hub.objects.bucket import BucketStore
from belvedere.hub.objects.folder import FolderStore
from belvedere.hub.objects.store import Found, Store
from objects_stage import BUCKET, KEY, SECRET, s3_server, s3_settings

PART = 64 << 10
KEY_A = "exports/a.zip"


def bucket_store(data: Path, name: str, **changes: str) -> BucketStore:
    settings = s3_settings(data, name, **changes)
    store = open_store(settings.hub.objects, settings)
    assert isinstance(store, BucketStore)
    store._part_bytes = PART
    return store


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "hub")
    return bucket_store(tmp_path, tmp_path.name)


@pytest.fixture
def bucket(tmp_path: Path) -> BucketStore:
    return bucket_store(tmp_path, tmp_path.name)


def a_pack(tmp_path: Path, size: int = 3 * PART + 5) -> tuple[Path, bytes, str]:
    data = os.urandom(size)
    path = tmp_path / "made.zip"
    path.write_bytes(data)
    return path, data, hashlib.sha256(data).hexdigest()


def whole(store: Store, key: str = KEY_A) -> bytes:
    return b"".join(bytes(piece) for piece in store.read(key, 0, store.size(key) or 0))


def raw(data: Path, name: str) -> S3Store:
    """The bucket behind a store's back."""
    return S3Store(
        BUCKET,
        prefix=name,
        endpoint=s3_server().endpoint,
        region="us-east-1",
        access_key_id=KEY,
        secret_access_key=SECRET,
        client_options={"allow_http": True},
    )


@pytest.mark.parametrize("size", [0, 1, PART, 3 * PART + 5])
def test_what_is_put_comes_back_whole_and_in_ranges(store: Store, tmp_path: Path, size: int) -> None:
    path, data, digest = a_pack(tmp_path, size)
    told: list[int] = []
    store.put(KEY_A, path, size, digest, told.append)
    assert (sum(told), store.size(KEY_A), whole(store)) == (size, size, data)
    for start, end in ((0, size // 2), (size // 3, size), (max(0, size - 3), size)):
        assert b"".join(bytes(piece) for piece in store.read(KEY_A, start, end)) == data[start:end]
    assert list(store.found()) == [Found(KEY_A, size, True)]


def test_it_is_written_once(store: Store, tmp_path: Path) -> None:
    path, data, digest = a_pack(tmp_path)
    store.put(KEY_A, path, len(data), digest)
    store.put(KEY_A, path, len(data), digest)  # the same again is no fault
    other = tmp_path / "other.zip"
    other.write_bytes(bytes(len(data)))
    with pytest.raises(Conflict):
        store.put(KEY_A, other, len(data), hashlib.sha256(bytes(len(data))).hexdigest())
    assert whole(store) == data


def test_what_changed_on_the_way_is_not_stored(store: Store, tmp_path: Path) -> None:
    path, data, digest = a_pack(tmp_path)
    path.write_bytes(data[:-1])
    with pytest.raises(StorageFault):
        store.put(KEY_A, path, len(data), digest)
    assert store.size(KEY_A) is None
    with pytest.raises(NotFound):
        list(store.read(KEY_A, 0, 1))


def test_destroyed_is_gone_with_its_halves(store: Store, tmp_path: Path) -> None:
    path, data, digest = a_pack(tmp_path)
    store.put(KEY_A, path, len(data), digest)
    store.destroy(KEY_A)
    store.destroy(KEY_A)
    assert store.size(KEY_A) is None and list(store.found()) == []


class _CutOff(Exception):
    pass


def test_an_upload_that_was_cut_off_is_invisible_and_sends_only_what_lacks(
    bucket: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data, digest = a_pack(tmp_path)
    sent = 0

    def cut(_size: int) -> None:
        nonlocal sent
        sent += 1
        if sent == 2:
            raise _CutOff

    with pytest.raises(_CutOff):
        bucket.put(KEY_A, path, len(data), digest, cut)
    assert bucket.size(KEY_A) is None
    assert list(bucket.found()) == [Found(KEY_A, 2 * PART, False)]
    written: list[str] = []
    create = bucket._create

    def noted(name: str, data: bytes) -> bool:
        written.append(name)
        return create(name, data)

    monkeypatch.setattr(bucket, "_create", noted)
    bucket.put(KEY_A, path, len(data), digest)
    assert len(written) == 2 + 1, "two parts and the index"
    assert whole(bucket) == data


def test_a_store_that_hangs_is_away_and_nothing_half_is_seen_afterwards(
    bucket: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data, digest = a_pack(tmp_path)
    quick = S3Store(
        BUCKET,
        prefix=tmp_path.name,
        endpoint=s3_server().endpoint,
        region="us-east-1",
        access_key_id=KEY,
        secret_access_key=SECRET,
        client_options={"allow_http": True, "timeout": "300ms"},
        retry_config={"max_retries": 0},
    )
    impatient = BucketStore(quick, "s3://belvedere/x", PART)
    server = s3_server()
    stopped = False

    def stop(_size: int) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            server.stop()

    try:
        with pytest.raises(ObjectsAway, match="does not answer"):
            impatient.put(KEY_A, path, len(data), digest, stop)
        server.stop()  # also when a slow machine was late before it
        with pytest.raises(ObjectsAway):
            impatient.size(KEY_A)
        with pytest.raises(ObjectsAway):
            list(impatient.found())
    finally:
        server.go_on()
    until = time.monotonic() + 120
    while True:
        try:
            assert bucket.size(KEY_A) is None
            bucket.put(KEY_A, path, len(data), digest)
            break
        except ObjectsAway:  # it may need a moment to find itself again, as an export would
            assert time.monotonic() < until
    assert whole(bucket) == data


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"secret": "wrong-secret"}, "refuses the hub's credentials"), ({"bucket": "nobucket"}, "no such bucket")],
)
def test_refusals_are_said_in_words_without_secrets(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    store = bucket_store(tmp_path, "x", **changes)
    path, data, digest = a_pack(tmp_path)
    calls: list[Callable[[], object]] = [
        lambda: store.put(KEY_A, path, len(data), digest),
        lambda: store.size(KEY_A),
        lambda: list(store.found()),
        lambda: store.destroy(KEY_A),
    ]
    said = io.StringIO()
    for call in calls:
        with redirect_stdout(said), pytest.raises(ObjectsAway, match=words) as raised:
            call()
        said.write(str(raised.value))
    assert "wrong-secret" not in said.getvalue() and SECRET not in said.getvalue()


def test_what_was_altered_or_cut_in_the_bucket_is_noticed(bucket: BucketStore, tmp_path: Path) -> None:
    path, data, digest = a_pack(tmp_path)
    bucket.put(KEY_A, path, len(data), digest)
    behind = raw(tmp_path, tmp_path.name)
    names = sorted(one["path"] for one in obstore.list(behind, f"{KEY_A}.parts").collect())
    good = bytes(obstore.get(behind, names[1]).bytes())
    for bad in (good[:-1], bytes(len(good)), good + b"x"):
        obstore.put(behind, names[1], bad, use_multipart=False)
        with pytest.raises(StorageFault, match="lost or altered"):
            whole(bucket)
    obstore.put(behind, names[1], good[:10], use_multipart=False)
    with pytest.raises(StorageFault):
        list(bucket.read(KEY_A, PART + 5, PART + 100))
    obstore.delete(behind, names[1])
    with pytest.raises(StorageFault):
        whole(bucket)
    obstore.put(behind, KEY_A, b"{}", use_multipart=False)
    with pytest.raises(StorageFault, match="index"):
        bucket.size(KEY_A)


def test_a_part_cut_off_by_the_store_itself_is_sent_again(bucket: BucketStore, tmp_path: Path) -> None:
    path, data, digest = a_pack(tmp_path)
    behind = raw(tmp_path, tmp_path.name)
    first = hashlib.sha256(data[:PART]).hexdigest()[:32]
    obstore.put(behind, f"{KEY_A}.parts/000001-{first}", data[:100], use_multipart=False)
    bucket.put(KEY_A, path, len(data), digest)
    assert whole(bucket) == data


def test_a_full_disk_and_a_missing_one_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, data, digest = a_pack(tmp_path)
    gone = FolderStore(tmp_path / "not-mounted", "file:///not-mounted", must_exist=True)
    with pytest.raises(ObjectsAway, match="not there"):
        gone.put(KEY_A, path, len(data), digest)
    store = FolderStore(tmp_path / "hub")

    def across(*words: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("belvedere.hub.objects.folder.os.link", across)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(DiskFull):
            store.put(KEY_A, path, len(data), digest)
    assert list(store.found()) == []
    store.put(KEY_A, path, len(data), digest)  # on another disk it is copied, checked, and then named
    assert whole(store) == data and [found.whole for found in store.found()] == [True]


def test_credentials_come_from_a_file_that_only_we_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = s3_settings(tmp_path, "x")
    known = credentials_of(settings.hub)
    assert (known.access_key_id, known.secret_access_key) == (KEY, SECRET) and SECRET not in repr(known)
    Path(settings.hub.objects_credentials_file).chmod(0o640)
    with pytest.raises(BadSettings, match="Others may read"):
        credentials_of(settings.hub)
    settings.hub.objects_credentials_file = ""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(BadSettings, match="no credentials"):
        credentials_of(settings.hub)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert credentials_of(settings.hub).access_key_id == "a"


@pytest.mark.parametrize(
    "text", ["http://x", "s3:/bucket", "s3://B", "file://", "file:///a/../b", "s3://ok-bucket/a b"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(BadSettings):
        check_address(text)


def test_no_pack_goes_over_the_network_in_clear(tmp_path: Path) -> None:
    settings = s3_settings(tmp_path, "x")
    settings.hub.objects_endpoint = "http://s3.council.example"
    with pytest.raises(BadSettings, match="endpoint"):
        open_store(settings.hub.objects, settings)
