"""`python -m belvedere.vision.models.bring FOLDER`: fetch the default model into a folder; one line of JSON says how it went."""

import json
import os
import sys
from pathlib import Path

from belvedere.foundation.errors import BelvedereError
from belvedere.vision.models.fetch import fetch
from belvedere.vision.models.shelf import ModelShelf

_NICE = 15


def main(arguments: list[str]) -> int:
    """Returns 0 when the model is there, 1 when it can't be had now."""
    os.nice(_NICE)
    folder = Path(arguments[0])
    try:
        model = fetch(ModelShelf(folder), folder)
    except BelvedereError as error:
        sys.stdout.write(json.dumps({"text": f"{error.message} {error.advice}".strip()}) + "\n")
        return 1
    sys.stdout.write(json.dumps({"text": f"{model.called} is there."}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
