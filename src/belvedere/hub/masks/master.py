"""Whether originals may leave: those of a camera with permanent masks show what the masks hide."""

from collections.abc import Iterable

from belvedere.foundation.errors import Refused
from belvedere.hub.context import HubContext
from belvedere.policy.grant import Grant


def require_master(hub: HubContext, grant: Grant, cameras: Iterable[str]) -> None:
    """Return if this grant may have originals of all the cameras. Raises Refused naming the first that needs the DPO."""
    masked = next((camera for camera in cameras if hub.masks.master_needs_dpo(camera)), None)
    if masked is None:
        return
    if not grant.originals:
        raise Refused(
            f"Camera {masked} has permanent masks, and its originals show what they hide.",
            advice="Ask for an access to export that the data protection officer approves.",
        )
