"""What a bench claims, and how it is printed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Claim:
    """One measured claim. `goal` is in words ("<= 0.4"); `peer` names what was measured beside it in the same run.

    `ok` is None when there is no goal, or when the peer is missing and the goal is a ratio to it.
    """

    claim: str
    goal: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ok: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(name: str, claims: Sequence[Claim], *, quick: bool) -> None:
    table = Table(
        "claim", "goal", "value", "peer", "peer's value", "verdict", title=name + (" (quick)" if quick else "")
    )
    for claim in claims:
        verdict = {True: "met", False: "NOT MET", None: ""}[claim.ok]
        table.add_row(
            claim.claim,
            claim.goal,
            f"{number(claim.value)} {claim.unit}",
            claim.peer,
            f"{number(claim.peer_value)} {claim.unit}" if claim.peer_value is not None else "",
            verdict,
        )
    Console(width=150).print(table)
