"""`belvedere models skin-tone FOLDER`: does what looks at pictures serve people of every skin tone equally well?"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.vision.models.shelf import ModelShelf

if TYPE_CHECKING:
    from belvedere.vision.objects.tones import Gap, Share, ToneRow


def skin_tone(
    folder: Annotated[Path, typer.Argument(help="Pictures, and boxes.csv with people and their Monk tones.")],
    data: DataOption = REAL_DATA,
    written: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")] = None,
) -> None:
    """Recall of finding and hiding people, by Monk skin tone, with 95 % intervals. Pictures stay where they are.

    How to take and annotate pictures: docs/reference/skin-tone-protocol.md.
    """
    import cv2
    import numpy as np

    from belvedere.vision.masking.seen import LEAST_CONFIDENCE
    from belvedere.vision.objects import tones
    from belvedere.vision.objects.detection import Bgr
    from belvedere.vision.objects.runners import choose
    from belvedere.vision.objects.shapes import detector_of

    shelf = ModelShelf(load_settings(data).models_folder)
    model = shelf.chosen()
    if model is None:
        raise NotFound("There is no model here to measure.", advice="Get the default one: belvedere models fetch.")
    shelf.check(model)
    if not (folder / "boxes.csv").is_file():
        raise NotFound(f"There is no boxes.csv in {folder}.", advice="See docs/reference/skin-tone-protocol.md.")
    marked, apart = tones.read_marked(folder / "boxes.csv")

    def opened(name: str) -> Bgr:
        picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if picture is None:
            raise BadInput(f"{name} is not there, or no picture.", advice="Mend boxes.csv.")
        return np.asarray(picture, np.uint8)

    runner, _ = choose(shelf.path(model).read_bytes(), model.size)
    keen = detector_of(runner, model, min(LEAST_CONFIDENCE, model.least))
    seen = tones.outcomes(marked, opened, keen, model.least)
    rows, gaps = tones.by_tone(seen), tones.gaps(seen)
    table = Table(title=f"{model.called}, {len(seen)} people")
    for title in ("Monk tone", "people", "median height", "found", "head hidden", "body hidden"):
        table.add_column(title)
    for row in rows:
        few = " (few)" if row.count < tones.FEWEST else ""
        height = f"{row.height:.0f} px" if row.count else ""
        shares = (_share(each) for each in (row.found, row.heads, row.bodies))
        table.add_row(row.name, f"{row.count}{few}", height, *shares)
    Console().print(table)
    for gap in gaps:
        verdict = "no difference is shown" if gap.low <= 0 <= gap.high else "the two differ"
        typer.echo(
            f"{gap.name}, tones 1 to 3 less 7 to 10: {100 * gap.value:+.1f} points"
            f" (95 %: {100 * gap.low:+.1f} to {100 * gap.high:+.1f}): {verdict}"
        )
    if apart:
        typer.echo(f"{apart} people were left out: the two annotators differ by more than one step.")
    if min(row.count for row in rows) < tones.FEWEST:
        typer.echo(f"Groups of fewer than {tones.FEWEST} people say little: collect more before anything is concluded.")
    if written is not None:
        told = {"model": model.called, "sha256": model.sha256, "left_out": apart}
        figures = {"rows": [_figures(row) for row in rows], "gaps": [_figures(gap) for gap in gaps]}
        written.write_text(json.dumps(told | figures, indent=2) + "\n", encoding="utf-8")


def _figures(one: "ToneRow | Gap") -> dict[str, object]:
    """As JSON has it: what was not counted is null."""
    told = asdict(one)
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in told.items()}


def _share(share: "Share") -> str:
    if not share.count:
        return ""
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
