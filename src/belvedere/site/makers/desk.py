"""What the site answers about its cameras: link/cameras.py."""

from collections.abc import Callable, Mapping
from pathlib import Path

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput
from belvedere.link.cameras import (
    Addresses,
    AdvisoriesLoaded,
    CameraAddress,
    CameraEntry,
    CameraKeyRotated,
    CameraMakes,
    GetAddresses,
    GetCameraMakes,
    GetImportedFiles,
    GetPasswordChanges,
    ImportedFiles,
    LoadAdvisories,
    NoteImportedFile,
    PasswordChanges,
    PutCameras,
    RotateCameraKey,
    SetMake,
    SetPassword,
)
from belvedere.link.messages import Answer, SiteStatus
from belvedere.media.stream import StreamKind
from belvedere.site.imports.book import ImportBook
from belvedere.site.ingest.address import host_and_port
from belvedere.site.makers.makebook import MakeBook
from belvedere.site.storage.camera_key import rotate_camera_key
from belvedere.site.storage.cameras import Address, Cameras, address_of
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe
from belvedere.site.storage.passwords import Passwords, PasswordWatch, with_credentials
from belvedere.site.uplink.server import Answers

_AT_ONCE = 2000


def kept_credentials(entry: CameraEntry, before: Mapping[StreamKind, Address]) -> tuple[str, str]:
    """The addresses to store for `entry`, with the credentials that the camera has already where none are given."""
    wanted = {StreamKind.MAIN: entry.main_url, StreamKind.SUB: entry.sub_url}
    if entry.keep_addresses:
        wanted = {kind: before[kind].url if kind in before else "" for kind in wanted}
    known = {host_and_port(address.url)[0]: address for address in before.values() if address.username}
    for kind, url in wanted.items():
        if url and not address_of(url).username and (login := known.get(host_and_port(url)[0])) is not None:
            wanted[kind] = with_credentials(url, login.username, login.password)
    return wanted[StreamKind.MAIN], wanted[StreamKind.SUB]


class CameraDesk:
    """Answers about cameras; each in a thread of the uplink. `start` and `stop` it with the site."""

    def __init__(
        self,
        index: Index,
        safe: ConnectionSafe,
        key_file: Path,
        cameras: Cameras,
        status: Callable[[], SiteStatus],
        changed: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`changed` tells the recorder that the camera table changed; callable from any thread."""
        self._index = index
        self._safe = safe
        self._key_file = key_file
        self._cameras = cameras
        self._changed = changed
        self._clock = clock
        self.makes = MakeBook(index, clock)
        self._imports = ImportBook(index, clock)
        self._watch = PasswordWatch(Passwords(index, safe, clock), status, changed, clock)

    def start(self) -> None:
        self._watch.start()

    def stop(self) -> None:
        self._watch.stop()

    def answers(self) -> Answers:
        """By kind of request."""
        return {
            PutCameras: self._put,
            GetAddresses: self._addresses,
            SetPassword: self._set_password,
            GetPasswordChanges: lambda _: PasswordChanges(self._watch.changes()),
            RotateCameraKey: self._rotate,
            SetMake: self._set_make,
            GetCameraMakes: self._all_makes,
            LoadAdvisories: self._load,
            GetImportedFiles: self._imported,
            NoteImportedFile: self._note_import,
        }

    def _put(self, request: PutCameras) -> Answer:
        if len(request.cameras) > _AT_ONCE:
            raise BadInput(f"At most {_AT_ONCE} cameras are added at once.", advice="Split the list.")
        before = {camera.slug: camera.addresses for camera in self._cameras.all()}
        with self._index.write() as db:
            for entry in request.cameras:
                main, sub = kept_credentials(entry, before.get(entry.camera, {}))
                self._cameras.put_in(db, entry.camera, entry.name, main, sub, entry.enabled)
                if entry.make or entry.model or entry.firmware:
                    make, model, firmware = (text or None for text in (entry.make, entry.model, entry.firmware))
                    self.makes.put_in(db, entry.camera, make, model, firmware, "sheet")
        self._changed()
        return Answer()

    def _addresses(self, _request: GetAddresses) -> Addresses:
        told = []
        for camera in self._cameras.all():
            main, sub = (camera.addresses.get(kind) for kind in (StreamKind.MAIN, StreamKind.SUB))
            told.append(
                CameraAddress(
                    camera=camera.slug,
                    name=camera.name,
                    enabled=camera.enabled,
                    main_url=main.url if main else "",
                    sub_url=sub.url if sub else "",
                    username=main.username if main else "",
                )
            )
        return Addresses(tuple(told))

    def _set_password(self, request: SetPassword) -> Answer:
        self._watch.change(request.camera, request.username, request.password)
        return Answer()

    def _rotate(self, _request: RotateCameraKey) -> CameraKeyRotated:
        return CameraKeyRotated(rotate_camera_key(self._index, self._safe, self._key_file, self._clock))

    def _set_make(self, request: SetMake) -> Answer:
        self.makes.put(request.camera, request.make, request.model, request.firmware, request.told_by)
        return Answer()

    def _all_makes(self, _request: GetCameraMakes) -> CameraMakes:
        return self.makes.all()

    def _load(self, request: LoadAdvisories) -> AdvisoriesLoaded:
        return AdvisoriesLoaded(self.makes.load(request.data, request.signature, request.key))

    def _imported(self, request: GetImportedFiles) -> ImportedFiles:
        return ImportedFiles(self._imports.find(request.sha256, request.names))

    def _note_import(self, request: NoteImportedFile) -> Answer:
        self._imports.note(request.file)
        return Answer()
