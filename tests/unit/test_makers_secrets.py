"""Passwords on trial, and the key of what is stored of cameras, changed with a crash at every step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.link.cameras import CameraEntry, PutCameras, SetPassword
from belvedere.link.messages import CameraStatus, SiteStatus, StreamStatus
from belvedere.media.stream import StreamKind
from belvedere.site.makers.desk import CameraDesk
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.storage import camera_key
from belvedere.site.storage.camera_key import open_connection_safe, rotate_camera_key
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe
from belvedere.site.storage.passwords import Passwords, PasswordWatch, on_one_device, with_credentials

MAIN, SUB = "rtsp://10.0.0.5/main", "rtsp://10.0.0.5/sub"
OLD = "rtsp://viewer:old%40word@10.0.0.5/"


class Site:
    """An index with a camera, and what its streams are said to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SimulatedClock()
        self.key_file = folder / "keys" / "camera.key"
        self.told: list[str] = []
        self.streams: dict[str, tuple[str, int]] = {}
        self.open(make=True)
        self.cameras.put("gate", "Gate", OLD + "main", OLD + "sub", True)
        self.cameras.put("shop", "Shop", "", "", True)

    def open(self, *, make: bool = False) -> None:
        self.index = Index(self.folder / "index.db", self.clock)
        self.safe = open_connection_safe(self.index, self.key_file, make=make)
        self.cameras = Cameras(self.index, self.safe, self.clock)
        self.passwords = Passwords(self.index, self.safe, self.clock)
        self.watch = PasswordWatch(self.passwords, self.status, lambda: self.told.append("changed"), self.clock)

    def reopen(self) -> None:
        self.index.close()
        self.open()

    def status(self) -> SiteStatus:
        streams = tuple(
            StreamStatus(kind, state, "", "", 0, 0, 0.0, 0.0, 0.0, at, 0, 0, None)
            for kind, (state, at) in self.streams.items()
        )
        gate = CameraStatus("gate", "Gate", True, streams, None, 0)
        return SiteStatus("t", "s", "S", self.clock.now_us(), 0, (gate,), ())

    def login(self, kind: StreamKind = StreamKind.MAIN) -> tuple[str, str]:
        gate = self.cameras.all()[0]
        return gate.addresses[kind].username, gate.addresses[kind].password


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.index.close()


def test_credentials_in_an_address() -> None:
    assert with_credentials("rtsp://a:b@h:8554/x?y=1", "u/1", "p@:/ %") == "rtsp://u%2F1:p%40%3A%2F%20%25@h:8554/x?y=1"
    assert with_credentials("udp://239.1.2.3:5004", "u", "p") == "udp://239.1.2.3:5004"
    assert on_one_device(MAIN, SUB) and not on_one_device(MAIN, "rtsp://10.0.0.6/sub") and not on_one_device(MAIN, "")


def test_a_password_is_kept_until_the_new_one_has_recorded(site: Site) -> None:
    site.watch.change("gate", "viewer", "new")
    assert site.told == ["changed"]
    assert site.login() == site.login(StreamKind.SUB) == ("viewer", "new")
    assert [(c.camera, c.state) for c in site.watch.changes()] == [("gate", "waiting")]
    now = site.clock.now_us()
    site.streams = {"main": ("recording", now + SECOND_US), "sub": ("recording", now + 9 * SECOND_US)}
    assert site.watch.look() == 1, "the main stream's last picture may be from before the change"
    site.streams["main"] = ("connecting", now)
    site.clock.advance(60 * SECOND_US)
    assert site.watch.look() == 1
    site.reopen()
    site.streams["main"] = ("recording", now + 50 * SECOND_US)
    assert site.watch.look() == 0
    assert [(c.camera, c.state) for c in site.watch.changes()] == [("gate", "worked")]
    assert site.login() == ("viewer", "new")
    assert not site.index.read().execute("SELECT * FROM camera_before").fetchall()


def test_a_password_that_is_refused_after_all_is_put_back(site: Site) -> None:
    site.watch.change("gate", "viewer", "first")
    site.watch.change("gate", "viewer", "second")
    site.streams = {"main": ("recording", site.clock.now_us() + 20 * SECOND_US), "sub": ("denied", 0)}
    site.clock.advance(5 * SECOND_US)
    assert site.watch.look() == 1, "what is said may still be of the old password"
    site.clock.advance(6 * SECOND_US)
    assert site.watch.look() == 0
    assert site.login() == ("viewer", "old@word"), "the one that was seen to work, not the first new one"
    assert [c.state for c in site.watch.changes()] == ["put_back"]
    assert site.told == ["changed"] * 3


def test_the_onvif_device_with_the_same_account_goes_along(site: Site) -> None:
    store = DeviceStore(site.index, site.safe, site.cameras, site.clock, 31)
    store.put("gate", "10.0.0.5", "viewer", "old@word")
    site.watch.change("gate", "viewer", "new")
    assert [target.password for target in store.targets()] == ["new"]
    assert rotate_camera_key(site.index, site.safe, site.key_file, site.clock) == 4
    assert [target.password for target in store.targets()] == ["new"]
    site.streams = {"main": ("denied", 0)}
    site.clock.advance(11 * SECOND_US)
    assert site.watch.look() == 0
    assert [target.password for target in store.targets()] == ["old@word"]
    store.put("gate", "10.0.0.5", "engineer", "own")
    site.watch.change("gate", "viewer", "new")
    assert [target.password for target in store.targets()] == ["own"]


def test_changes_that_are_none(site: Site) -> None:
    site.watch.change("gate", "viewer", "old@word")
    assert site.watch.changes() == ()
    for camera, error in (("nowhere", NotFound), ("shop", BadInput)):
        with pytest.raises(error):
            site.watch.change(camera, "u", "p")
    with pytest.raises(BadInput):
        site.watch.change("gate", "", "p")


def test_putting_or_removing_a_camera_ends_the_trial(site: Site) -> None:
    site.watch.change("gate", "viewer", "new")
    site.cameras.put("gate", "Gate", MAIN, "", True)
    assert site.watch.changes() == ()
    site.watch.change("gate", "viewer", "new")
    site.cameras.remove("gate")
    assert site.watch.look() == 0 and site.watch.changes() == ()


def test_the_thread_settles_by_itself_and_ends(site: Site) -> None:
    site.watch.start()
    now = site.clock.now_us()
    site.streams = {"main": ("recording", now + 9 * SECOND_US)}
    settled = site.watch._settled
    site.watch.change("gate", "viewer", "new")
    while not settled:
        os.sched_yield()
    site.watch.stop()
    assert [c.state for c in site.watch.changes()] == ["worked"]


def test_no_secret_is_shown_or_left_in_the_file(site: Site) -> None:
    assert "old" not in repr(SetPassword("gate", "u", "old")) and "old" not in repr(
        CameraEntry("g", "G", OLD, "", True)
    )
    site.watch.change("gate", "viewer", "new")
    before = site.index.read().execute("SELECT connection FROM camera_before").fetchone()[0]
    site.streams = {"main": ("recording", site.clock.now_us() + 9 * SECOND_US)}
    assert site.watch.look() == 0
    site.index.forget()
    for name in ("index.db", "index.db-wal"):
        assert bytes(before) not in (site.folder / name).read_bytes()


# The key.


def test_a_new_key_opens_everything_and_the_old_one_nothing(site: Site) -> None:
    site.watch.change("gate", "viewer", "new")
    old = site.key_file.read_bytes()
    assert rotate_camera_key(site.index, site.safe, site.key_file, site.clock) == 3
    assert site.key_file.read_bytes() != old and len(list(site.key_file.parent.iterdir())) == 1
    assert site.login() == ("viewer", "new"), "without a restart"
    site.reopen()
    assert site.login() == ("viewer", "new")
    rotate_camera_key(site.index, site.safe, site.key_file, site.clock)
    site.clock.advance(11 * SECOND_US)
    site.streams = {"main": ("denied", 0)}
    assert site.watch.look() == 0 and site.login() == ("viewer", "old@word"), "what was put back is under the new key"
    site.index.close()
    site.key_file.write_bytes(old)
    with pytest.raises(StorageFault, match="not the key of this index"):
        site.open()
    site.key_file.unlink()
    with pytest.raises(StorageFault):
        site.open()


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """The `step`-th file operation or transaction of a rotation does not happen, nor does anything after it."""
    done: list[str] = []

    def guard(name: str, call: object) -> object:
        def guarded(*args: object, **options: object) -> object:
            if len(done) >= step:
                raise Killed(name)
            done.append(name)
            return call(*args, **options)  # type: ignore[operator]

        return guarded

    with monkeypatch.context() as patch:
        for owner, name in (
            (camera_key, "load_key"),
            (camera_key, "_take_place"),
            (camera_key, "_sync_folder"),
            (Path, "unlink"),
            (Path, "rename"),
            (Index, "forget"),
        ):
            patch.setattr(owner, name, guard(name, getattr(owner, name)))
        yield done


def test_a_rotation_cut_short_at_any_step_is_finished_or_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = 0
    while True:
        folder = tmp_path / str(step)
        site = Site(folder)
        finished = False
        with killed_at(monkeypatch, step) as done:
            try:
                rotate_camera_key(site.index, site.safe, site.key_file, site.clock)
                finished = True
            except Killed:
                pass
        for _ in range(2):  # the start after it, and the one after that
            site.reopen()
            assert site.login() == ("viewer", "old@word"), done
            assert [path.name for path in site.key_file.parent.iterdir()] == ["camera.key"]
        site.index.close()
        if finished:
            break
        step += 1
    assert step > 6


def test_a_transaction_that_fails_leaves_the_old_key_in_force(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old = site.key_file.read_bytes()

    def full(*_: object) -> bytes:
        raise StorageFault("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(ConnectionSafe, "shut", full)
        with pytest.raises(StorageFault, match="full"):
            rotate_camera_key(site.index, site.safe, site.key_file, site.clock)
    assert site.login() == ("viewer", "old@word")
    site.cameras.put("yard", "Yard", OLD + "main", "", True)
    site.reopen()
    assert site.login() == ("viewer", "old@word") and site.key_file.read_bytes() == old
    assert len(site.cameras.all()) == 3


# What a list of cameras keeps.


def test_a_list_keeps_credentials_at_the_same_host_and_all_or_nothing(site: Site) -> None:
    desk = CameraDesk(
        site.index, site.safe, site.key_file, site.cameras, site.status, lambda: site.told.append("c"), site.clock
    )
    put = desk.answers()[PutCameras]
    put(PutCameras((CameraEntry("gate", "Gate 2", "rtsp://10.0.0.5/other", "rtsp://10.0.0.9/sub", True, make="Axis"),)))
    gate = site.cameras.all()[0]
    main, sub = gate.addresses[StreamKind.MAIN], gate.addresses[StreamKind.SUB]
    assert (main.url, main.username, main.password) == ("rtsp://10.0.0.5/other", "viewer", "old@word")
    assert (sub.url, sub.username) == ("rtsp://10.0.0.9/sub", ""), "another host never gets a password"
    put(PutCameras((CameraEntry("gate", "Gate 3", "", "", False, keep_addresses=True),)))
    gate = site.cameras.all()[0]
    assert (gate.name, gate.enabled, gate.addresses[StreamKind.MAIN]) == ("Gate 3", False, main)
    with pytest.raises(BadInput):
        put(PutCameras((CameraEntry("yard", "Yard", MAIN, "", True), CameraEntry("No", "x", MAIN, "", True))))
    assert [camera.slug for camera in site.cameras.all()] == ["gate", "shop"]
    assert desk.makes.all().cameras[0].make == "Axis"
