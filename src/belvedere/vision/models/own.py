"""The entry of a network that somebody brings."""

import hashlib

from belvedere.media.objects import ObjectKind
from belvedere.vision.models.recognise import recognise
from belvedere.vision.models.shelf import Model


def own_model(
    data: bytes, *, name: str, version: str, licence: str, source: str, card: str = "", least: float = 0.35
) -> Model:
    """What the shelf keeps beside it. Raises BadInput, saying why, for a file that is no detector of a known shape."""
    seen = recognise(data)
    return Model(
        name=name,
        version=version,
        shape=seen.shape,
        file=f"{name}-{version}.onnx",
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        source=source,
        licence=licence,
        kinds=tuple(int(kind) for kind in ObjectKind),
        size=seen.size,
        least=least,
        outputs=seen.outputs,
        card=card,
    )
