"""The one exception tree. Every message says what happened and what to do next.

BelvedereError
├── BadInput                what a person or file gave us can't be used
│   ├── BadAddress          a camera address that can't be understood or is not allowed
│   ├── BadMedia            bytes that are not the video they should be
│   │   └── UnsupportedCodec
│   ├── BadPack             an evidence pack that can't be read
│   └── BadSettings         belvedere.toml or an option
├── NotFound
├── Conflict                it exists already, or is in use
├── Refused                 policy says no; carries the reason a person is shown
│   ├── NotSignedIn
│   ├── QuotaReached        so much was opened already that no more is, for now
│   ├── StepUpNeeded        has to be confirmed with a passkey first; carries the act
│   └── ApprovalNeeded      a second person has to agree first; carries what they have to agree to
├── CameraFault             the camera did not do its part
│   ├── CameraUnreachable   no route, refused connection, time-out
│   ├── CameraDenied        wrong user name or password
│   └── CameraProtocol      it answered, but not as RTSP/RTP asks
├── StorageFault            the disk did not do its part
│   ├── DiskFull
│   ├── ObjectsAway         the object store can't be reached, or refuses the hub
│   ├── WrongDisk           the folder is not the disk that the index expects
│   └── SealBroken          sealed bytes do not open: altered, cut or the wrong key
├── LinkFault               site and hub can't talk
│   └── SiteAway
│       └── SiteFull        its disk is full: it waits for room
└── Unavailable             a part of this installation is missing (browser, codec, tool)
    └── KeyAway             the key of this footage is kept by the hub, which has to release it first
"""

from collections.abc import Iterable, Mapping
from typing import Any


class BelvedereError(Exception):
    """Base of all. `advice` tells the person what to do next; `str()` gives both sentences."""

    code = "error"

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class BadInput(BelvedereError):
    code = "bad_input"


class BadAddress(BadInput):
    code = "bad_address"


class BadMedia(BadInput):
    code = "bad_media"


class UnsupportedCodec(BadMedia):
    code = "unsupported_codec"


class BadPack(BadInput):
    code = "bad_pack"


class BadSettings(BadInput):
    code = "bad_settings"


class NotFound(BelvedereError):
    code = "not_found"


class Conflict(BelvedereError):
    code = "conflict"


class Refused(BelvedereError):
    code = "refused"


class NotSignedIn(Refused):
    code = "not_signed_in"


class StepUpNeeded(Refused):
    """`act` is what the person has to confirm: words, whole numbers, lists and mappings of them."""

    code = "step_up_needed"

    def __init__(self, message: str, *, advice: str = "", act: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, advice=advice)
        self.act = dict(act or {})


class ApprovalNeeded(Refused):
    """`digest` is what a second person approves, `ask` the same in words, `approvers` the roles that may."""

    code = "approval_needed"

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        digest: str = "",
        approvers: Iterable[str] = (),
        ask: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.digest = digest
        self.approvers = sorted(str(role) for role in approvers)
        self.ask = dict(ask or {})


class QuotaReached(Refused):
    code = "quota_reached"


class CameraFault(BelvedereError):
    code = "camera_fault"


class CameraUnreachable(CameraFault):
    code = "camera_unreachable"


class CameraDenied(CameraFault):
    code = "camera_denied"


class CameraProtocol(CameraFault):
    code = "camera_protocol"


class StorageFault(BelvedereError):
    code = "storage_fault"


class DiskFull(StorageFault):
    code = "disk_full"


class ObjectsAway(StorageFault):
    code = "objects_away"


class WrongDisk(StorageFault):
    code = "wrong_disk"


class SealBroken(StorageFault):
    code = "seal_broken"


class LinkFault(BelvedereError):
    code = "link_fault"


class SiteAway(LinkFault):
    code = "site_away"


class SiteFull(SiteAway):
    code = "site_full"


class Unavailable(BelvedereError):
    code = "unavailable"


class KeyAway(Unavailable):
    code = "key_away"
