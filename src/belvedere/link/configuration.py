"""A site's configuration as one signed document of its hub. So far it says what the site may take of its line.

A later document has a higher version; a site keeps the newest, goes by it without the hub, and refuses an older one.
"""

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.messages import Reply, Request

FORMAT = 1
LEAST_KBIT, MOST_KBIT = 64, 10_000_000
DAY_MINUTES = 1440
_PREFIX = b"belvedere configuration 1\n"


class LineLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a site may send to its hub, records and pictures together, in kbit/s; 0: as much as the line carries.

    `night`: minutes of the UTC day [start, end) in which `night_kbit` holds; it may pass midnight. None: `kbit` always.
    """

    kbit: int = 0
    night_kbit: int = 0
    night: tuple[int, int] | None = None

    def at(self, minute: int) -> int:
        """The limit in a minute of the UTC day, in kbit/s."""
        if self.night is None:
            return self.kbit
        start, end = self.night
        inside = start <= minute < end if start < end else minute >= start or minute < end
        return self.night_kbit if inside else self.kbit


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document. `line` None: as the box's own settings say."""

    format: int
    site: str
    version: int
    issued_us: int
    line: LineLimits | None


class PutConfiguration(Request, frozen=True, tag="put_configuration"):
    """Go by this document; answered with `ConfigurationState`. Refused when it is older than what the site has."""

    words: bytes
    signature: bytes


class GetConfiguration(Request, frozen=True, tag="get_configuration"):
    """What the site goes by; answered with `ConfigurationState`. Carries no picture, needs no grant."""


class ConfigurationState(Reply, frozen=True, tag="configuration_state"):
    """`version` 0: the hub has ordered nothing yet. `line`: what holds now. `own`: what the box's own settings say."""

    version: int
    line: LineLimits
    own: LineLimits


REQUESTS = (PutConfiguration, GetConfiguration)
REPLIES = (ConfigurationState,)


def check_limits(limits: LineLimits) -> None:
    """Raise BadInput for limits that make no sense, or under which a site could not be reached."""
    for kbit in (limits.kbit, limits.night_kbit):
        if kbit and not LEAST_KBIT <= kbit <= MOST_KBIT:
            raise BadInput(f"{kbit} kbit/s can't be a limit.", advice=f"Give {LEAST_KBIT} or more, or 0 for none.")
    if limits.night is not None:
        start, end = limits.night
        if not (0 <= start < DAY_MINUTES and 0 <= end < DAY_MINUTES and start != end):
            raise BadInput(
                "These hours make no sense.", advice="Give a start and another end, such as 22:00 and 06:00."
            )


def sign_configuration(document: Configuration, key: Ed25519PrivateKey) -> PutConfiguration:
    """The document as the hub sends it."""
    words = msgspec.json.encode(document, order="sorted")
    return PutConfiguration(words, key.sign(_PREFIX + words))


def open_configuration(message: PutConfiguration, public_key: bytes) -> Configuration:
    """The document that the hub with this key signed. Raises Refused."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(message.signature, _PREFIX + message.words)
        document = msgspec.json.decode(message.words, type=Configuration)
    except (InvalidSignature, ValueError, msgspec.MsgspecError) as error:
        raise Refused(
            "This configuration was not signed by the hub, or was changed.", advice="Send it again."
        ) from error
    if document.format != FORMAT:
        raise Refused(f"This configuration has format {document.format}.", advice="Update the site's software.")
    return document
