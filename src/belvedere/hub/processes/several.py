"""Whether the settings let a hub have several processes."""

from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import Settings


def check_shared(settings: Settings) -> None:
    """Raises BadSettings for several processes that could not work together."""
    hub = settings.hub
    if not hub.bus:
        if hub.processes > 1:
            raise BadSettings(
                f"{hub.processes} processes need a message bus to find each other.",
                advice="Set `--bus nats://127.0.0.1:4222`, or leave it at one process.",
            )
        return
    if not hub.bus.startswith(("nats://", "tls://")):
        raise BadSettings(f"{hub.bus[:60]!r} is no NATS server.", advice="Write `--bus nats://127.0.0.1:4222`.")
    if not settings.hub_database_url.startswith("postgresql"):
        raise BadSettings(
            "A hub of several processes needs PostgreSQL: SQLite is for one.",
            advice="Set `--database postgresql://USER@HOST/NAME`, or leave `--bus` and `--processes` out.",
        )
