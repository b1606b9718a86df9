"""`belvedere demo fault`: something goes wrong with a camera of the demo that runs, to see what Belvedere makes of it."""

import json
import socket
from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import DEMO_DATA

_ANSWER_S = 30.0


def fault(
    camera: Annotated[str, typer.Argument(help="Its slug, such as north-gate.")],
    kind: Annotated[
        str,
        typer.Argument(
            help="drop, freeze, silent, garbage, cut, jitter, jump, clock, deny or status; none: all is well again."
        ),
    ],
    amount: Annotated[
        int | None,
        typer.Argument(help="How much of it: every Nth, milliseconds, seconds, a status. A usual one if left out."),
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Data folder of the demo that runs.")] = DEMO_DATA,
) -> None:
    """Switch a fault of a demo camera on, while the demo runs. Faults add up until `none`."""
    from belvedere.demo.rtsp.switch import SOCKET
    from belvedere.foundation.errors import BadInput, Unavailable
    from belvedere.foundation.settings import load_settings

    place = load_settings(data).socket_folder / SOCKET
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(str(place))
            connection.sendall(json.dumps({"camera": camera, "kind": kind, "amount": amount}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                told = json.loads(lines.readline())
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"No demo answers for {data}.", advice="Start it with `belvedere demo`, or name its folder with --data."
            ) from error
    if "wrong" in told:
        raise BadInput(told["wrong"], advice=told["advice"])
    print(f"{camera}: {told['said']}.")  # noqa: T201
