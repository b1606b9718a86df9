"""Messages about what cameras are: makes and firmware, known faults of them, passwords, and recordings brought in.

All are for local administration, but `GetCameraMakes`, which the hub may ask for its health page. Passwords travel to the
site only, never back, and stand in no repr.
"""

import msgspec

from belvedere.link.messages import Reply, Request


class CameraEntry(msgspec.Struct, frozen=True):
    """A camera to add or change. `main_url` is empty for one that only receives recordings.

    Addresses may hold credentials. Where they hold none, and the camera is reached at the same host already, its
    credentials stay as they are.
    """

    camera: str
    name: str
    main_url: str
    sub_url: str
    enabled: bool
    make: str = ""
    model: str = ""
    firmware: str = ""
    keep_addresses: bool = False  # of a camera that is there already

    def __repr__(self) -> str:
        return f"CameraEntry(camera={self.camera!r}, enabled={self.enabled})"


class PutCameras(Request, frozen=True, tag="put_cameras"):
    """Add or change cameras, all of them or none; answered with `Answer`."""

    cameras: tuple[CameraEntry, ...]


class GetAddresses(Request, frozen=True, tag="get_addresses"):
    """How cameras are reached; answered with `Addresses`."""


class CameraAddress(msgspec.Struct, frozen=True):
    """Addresses without credentials. `username` is that of the main stream; the password stays at the site."""

    camera: str
    name: str
    enabled: bool
    main_url: str
    sub_url: str
    username: str


class Addresses(Reply, frozen=True, tag="addresses"):
    cameras: tuple[CameraAddress, ...]


class SetPassword(Request, frozen=True, tag="set_password"):
    """Use other credentials for a camera's streams; answered with `Answer`. The old ones are kept until these have worked."""

    camera: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"SetPassword(camera={self.camera!r})"


class GetPasswordChanges(Request, frozen=True, tag="get_password_changes"):
    """Changes that are not settled, and those settled since the site started; answered with `PasswordChanges`."""


class PasswordChange(msgspec.Struct, frozen=True):
    """`state`: waiting (the new password has not been seen to work yet), worked, or put_back (refused; the old one is back)."""

    camera: str
    state: str
    since_us: int


class PasswordChanges(Reply, frozen=True, tag="password_changes"):
    changes: tuple[PasswordChange, ...]


class RotateCameraKey(Request, frozen=True, tag="rotate_camera_key"):
    """Make a new key for the cameras' connection details and seal all of them again; answered with `CameraKeyRotated`."""


class CameraKeyRotated(Reply, frozen=True, tag="camera_key_rotated"):
    """`sealed`: how many secrets were sealed again."""

    sealed: int


class SetMake(Request, frozen=True, tag="set_make"):
    """Note what a camera is; answered with `Answer`. None leaves a field as it is. `told_by`: person, sheet or onvif."""

    camera: str
    make: str | None = None
    model: str | None = None
    firmware: str | None = None
    told_by: str = "person"


class GetCameraMakes(Request, frozen=True, tag="get_camera_makes"):
    """What the cameras are and what is known against them; answered with `CameraMakes`. No secrets, no pictures."""


class KnownFault(msgspec.Struct, frozen=True):
    """An advisory that concerns a camera. `state`: affected, or unknown (the firmware can't be compared: look it up)."""

    id: str
    title: str
    severity: str  # critical, high, medium, low
    exploited: bool  # attackers are known to use it
    state: str
    fixed_in: str  # "" when no firmware mends it
    advice: str
    source: str


class CameraMake(msgspec.Struct, frozen=True):
    """One camera. `support_ends` is a date such as 2026-12-31, "" when the file names none; `support`: ok, soon, ended, unknown."""

    camera: str
    name: str
    make: str
    model: str
    firmware: str
    told_by: str
    told_us: int
    faults: tuple[KnownFault, ...]
    support_ends: str
    support: str
    support_source: str


class AdvisoryFile(msgspec.Struct, frozen=True):
    """The file in force. `signed_by`: the hexadecimal Ed25519 key that its signature was checked with, "" for none."""

    publisher: str
    issued: str
    sha256: str
    loaded_us: int
    advisories: int
    models: int  # rows about support
    signed_by: str


class CameraMakes(Reply, frozen=True, tag="camera_makes"):
    """`file` is None while no advisory file was loaded: then nothing is known, which is not the same as nothing wrong."""

    cameras: tuple[CameraMake, ...]
    file: AdvisoryFile | None


class LoadAdvisories(Request, frozen=True, tag="load_advisories"):
    """Put an advisory file in force; answered with `AdvisoriesLoaded`. With a signature and key, both are checked first."""

    data: bytes
    signature: bytes = b""
    key: bytes = b""


class AdvisoriesLoaded(Reply, frozen=True, tag="advisories_loaded"):
    file: AdvisoryFile


class ImportedFile(msgspec.Struct, frozen=True):
    """A recording that was brought in whole. Times in microseconds UTC; `offset_us` was added to the recorder's own time."""

    sha256: str
    camera: str
    stream: str
    name: str  # as it lay in the folder
    bytes: int
    start_us: int
    end_us: int
    offset_us: int
    zone: str
    said_by: str  # who vouches for the time
    how: str  # how the time was found, and what was left out
    imported_us: int = 0


class GetImportedFiles(Request, frozen=True, tag="get_imported_files"):
    """Recordings brought in before: those with one of these hashes, or of these names; answered with `ImportedFiles`."""

    sha256: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class ImportedFiles(Reply, frozen=True, tag="imported_files"):
    files: tuple[ImportedFile, ...]


class NoteImportedFile(Request, frozen=True, tag="note_imported_file"):
    """Note that a recording is in; answered with `Answer`."""

    file: ImportedFile


REQUESTS = (
    PutCameras,
    GetAddresses,
    SetPassword,
    GetPasswordChanges,
    RotateCameraKey,
    SetMake,
    GetCameraMakes,
    LoadAdvisories,
    GetImportedFiles,
    NoteImportedFile,
)
REPLIES = (
    Addresses,
    PasswordChanges,
    CameraKeyRotated,
    CameraMakes,
    AdvisoriesLoaded,
    ImportedFiles,
)
