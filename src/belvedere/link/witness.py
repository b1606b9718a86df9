"""Messages between the hub and a site that witnesses its log: the site signs checkpoints that extend the one it signed before."""

from belvedere.link.messages import Reply, Request


class GetWitness(Request, frozen=True, tag="get_witness"):
    """How far the site has checked the hub's log; answered with `WitnessState`. Shows no picture."""


class Cosign(Request, frozen=True, tag="cosign"):
    """Check and sign this checkpoint (a signed note); answered with `Cosigned`, or refused when the log went back or forked.

    `path`: consistency proof (RFC 9162) from the size in `WitnessState` to that of the checkpoint; empty when that was 0.
    """

    checkpoint: bytes
    path: tuple[bytes, ...]


class WitnessState(Reply, frozen=True, tag="witness_state"):
    """The site as a witness: its name and key (32 bytes of Ed25519), and the size of the last log that it signed; 0 for none."""

    name: str
    public_key: bytes
    size: int


class Cosigned(Reply, frozen=True, tag="cosigned"):
    """A signature line (C2SP tlog-cosignature) to go below the checkpoint."""

    line: str


REQUESTS: tuple[type[Request], ...] = (GetWitness, Cosign)
REPLIES: tuple[type[Reply], ...] = (WitnessState, Cosigned)
