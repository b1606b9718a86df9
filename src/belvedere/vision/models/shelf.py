"""The models of one machine: files in a folder, and a register that says of each what it is. No runtime is needed to read it.

A file counts only with its entry, and an entry only with the bytes that it names: both are written beside and moved into place, the
file first, so that an interruption leaves an unused file at worst.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.media.objects import ObjectKind

REGISTER = "models.json"
MOST_BYTES = 512 << 20
_MOST = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
# Words of what this product never does (DESIGN section 1): telling one person from another.
_BARRED = re.compile(
    r"\bface|facial|facenet|arcface|insight|identif|\bre-?id|embedding|gallery|\bgait|biometric|ethnic|\brace\b|gender|\bage\b|emotion",
    re.IGNORECASE,
)


class Model(msgspec.Struct, frozen=True):
    """What is known of a file. `shape`: how its tables are read, such as `nanodet`. `kinds` by number of `ObjectKind`.

    Invariant: `outputs` are boxes, scores and their parts; nothing that describes one person among others.
    """

    name: str
    version: str
    shape: str
    file: str
    sha256: str
    bytes: int
    source: str
    licence: str
    kinds: tuple[int, ...]
    size: tuple[int, int]  # height and width of the pictures that it is given
    least: float  # scores below are noise
    outputs: tuple[str, ...] = ("boxes", "scores")
    card: str = ""  # where it came from, on what it was measured, what it is known to miss; for people
    classes: tuple[str, ...] = ()  # the network's own names, in its order

    @property
    def called(self) -> str:
        """As rows keep it: `nanodet-g/3.0.4`."""
        return f"{self.name}/{self.version}"


class _Register(msgspec.Struct):
    format: int = 1
    chosen: str = ""
    models: list[Model] = []


def refusal(model: Model) -> str:
    """Why a model is not let in, in words; "" where nothing is against it."""
    said = " ".join([model.name, model.shape, *model.outputs, *model.classes])
    found = _BARRED.search(said.replace("_", " ").replace("-re", " re"))
    if found:
        return (
            f"{model.called} speaks of “{found[0]}”. Belvedere looks for kinds of objects, never for who somebody is."
        )
    if set(model.outputs) - {"boxes", "scores", "classes", "distances"}:
        return f"{model.called} gives more than boxes, classes and scores."
    if not model.kinds or any(kind not in ObjectKind._value2member_map_ for kind in model.kinds):
        return f"{model.called} names no kind that is looked for here."
    if not model.licence.strip() or not model.source.strip():
        return f"{model.called} says neither whence it comes nor under which licence it may be used."
    return ""


class ModelShelf:
    """One folder. Reads at every question: another process may have put a model there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def models(self) -> list[Model]:
        """All that are registered, by name. Raises StorageFault when the register can't be read."""
        return sorted(self._register().models, key=lambda each: each.called)

    def chosen(self) -> Model | None:
        """The one that looks, None while there is none. Raises StorageFault."""
        register = self._register()
        return next((each for each in register.models if each.called == register.chosen), None)

    def path(self, model: Model) -> Path:
        return self._folder / model.file

    def check(self, model: Model) -> None:
        """Raises StorageFault when the file is gone or is not what was registered."""
        try:
            with self.path(model).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise StorageFault(
                f"The model {model.called} can't be read: {error.strerror}.", advice="Run: belvedere models fetch."
            ) from error
        if digest != model.sha256:
            raise StorageFault(
                f"The file of {model.called} is not the one that was registered.", advice="Run: belvedere models fetch."
            )

    def put(self, model: Model, data: bytes, choose: bool = True) -> None:
        """Keep a model; one of the same name and version is replaced. Raises BadInput when it is not let in, StorageFault."""
        why = refusal(model)
        if why:
            raise BadInput(why, advice="Use a detector of objects.")
        if not _NAME.fullmatch(model.name) or not _NAME.fullmatch(model.version) or not _NAME.fullmatch(model.file):
            raise BadInput("Names of models are small letters, digits, dots, dashes.", advice="Choose another name.")
        if len(data) > MOST_BYTES or hashlib.sha256(data).hexdigest() != model.sha256 or len(data) != model.bytes:
            raise BadInput(f"The bytes of {model.called} are not what its entry says.", advice="Fetch it again.")
        register = self._register()
        others = [each for each in register.models if each.called != model.called]
        if len(others) >= _MOST:
            raise BadInput(f"There are {_MOST} models already.", advice="Remove one: belvedere models remove NAME.")
        self._write(model.file, data)
        chosen = model.called if choose or not register.chosen else register.chosen
        self._write(REGISTER, _json(_Register(1, chosen, [*others, model])))

    def choose(self, called: str) -> Model:
        """Have another model look. Raises NotFound, StorageFault."""
        register = self._register()
        model = _named(register.models, called)
        self._write(REGISTER, _json(_Register(1, model.called, register.models)))
        return model

    def remove(self, called: str) -> Model:
        """Forget a model and its file. Raises NotFound, StorageFault."""
        register = self._register()
        model = _named(register.models, called)
        rest = [each for each in register.models if each is not model]
        chosen = "" if register.chosen == model.called else register.chosen
        self._write(REGISTER, _json(_Register(1, chosen, rest)))
        if all(each.file != model.file for each in rest):
            self.path(model).unlink(missing_ok=True)
        return model

    def _register(self) -> _Register:
        try:
            return msgspec.json.decode((self._folder / REGISTER).read_bytes(), type=_Register)
        except FileNotFoundError:
            return _Register()
        except (OSError, msgspec.MsgspecError) as error:
            raise StorageFault(
                f"The register of models can't be read: {error}.", advice=f"Look at {self._folder / REGISTER}."
            ) from error

    def _write(self, name: str, data: bytes) -> None:
        beside = self._folder / f".{name}.{os.getpid()}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._folder / name)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise StorageFault(
                f"The model can't be kept in {self._folder}: {error.strerror}.", advice="Make room there."
            ) from error


def _named(models: Sequence[Model], called: str) -> Model:
    for each in models:
        if called in (each.called, each.name):
            return each
    raise NotFound(f"There is no model {called} here.", advice="belvedere models list names those that are.")


def _json(register: _Register) -> bytes:
    return msgspec.json.format(msgspec.json.encode(register), indent=2) + b"\n"
