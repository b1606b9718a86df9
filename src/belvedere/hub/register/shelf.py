"""The register for the command line: one call, one act. The hub may be running or not."""

from belvedere.foundation.errors import NotFound
from belvedere.foundation.settings import Settings
from belvedere.hub.register.cameras import Camera, open_register


def note_camera(
    settings: Settings,
    camera: str,
    name: str,
    where: tuple[float, float] | None,
    *,
    place: str = "",
    bearing_deg: float | None = None,
    fov_deg: float | None = None,
    range_m: float | None = None,
    height_m: float | None = None,
) -> Camera:
    """Add a camera of this machine's site to the register, or change it. `where` is (latitude, longitude). Raises BadInput."""
    lat, lon = where if where is not None else (None, None)
    with open_register(settings) as register:
        return register.put_camera(
            Camera(
                id=camera,
                site=settings.site.id,
                name=name,
                place=place,
                lat=lat,
                lon=lon,
                bearing_deg=bearing_deg,
                fov_deg=fov_deg,
                range_m=range_m,
                height_m=height_m,
            )
        )


def forget_camera(settings: Settings, camera: str) -> None:
    """Take a camera out of the register; one that is not in it is no error."""
    with open_register(settings) as register:
        try:
            register.remove_camera(camera)
        except NotFound:
            return
