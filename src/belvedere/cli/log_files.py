"""Reading the log's files, keys and proofs for `belvedere audit`: from a folder, or from a hub's address."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from belvedere.foundation.errors import BadInput, LinkFault
from belvedere.tlog.check import KnownRecord
from belvedere.tlog.checkpoint import log_key
from belvedere.tlog.cosign import WitnessKey, read_key
from belvedere.tlog.note import NoteKey
from belvedere.tlog.proof import LogProof, read_proof

_TIMEOUT_S = 20.0
_MAX_FILE_BYTES = 1 << 20  # of a tile, bundle or checkpoint: the largest bundle has 8,704 bytes
_MAX_LINE_BYTES = 1 << 20
_MAX_PATH = 63


class LogAddress:
    """A log's files at a hub's address, such as `https://cctv.example.gov.uk`. Use it in a `with` block."""

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self._base = url.rstrip("/").removesuffix("/log") + "/log/"
        self._client = client or httpx.Client(timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def read(self, name: str) -> bytes | None:
        """See `LogFiles`. Raises LinkFault when the hub can't be reached or answers something else."""
        data = bytearray()
        try:
            with self._client.stream("GET", self._base + name) as answer:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    data += part
                    if len(data) > _MAX_FILE_BYTES:
                        raise LinkFault(f"{name} of this log is too long.", advice="Is this a Belvedere hub?")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LinkFault(
                f"{self._base}{name} can't be read: {error!r}.",
                advice="Check the address and the network.",
            ) from error
        return bytes(data)

    def send(self, name: str, body: bytes) -> str:
        """POST `body`; returns the answer's text. Raises LinkFault."""
        try:
            answer = self._client.post(self._base + name, content=body, headers={"Content-Type": "text/plain"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LinkFault(f"{self._base}{name} can't be reached: {error}.", advice="Check the network.") from error
        if answer.status_code != httpx.codes.OK:
            raise LinkFault(f"The hub did not take it: {answer.text[:300]}", advice="Is this witness known to the hub?")
        return answer.text


def hub_key(given: str, found: bytes | None) -> tuple[bytes, bool]:
    """The hub's public key as `given` (hex, `name+id+base64`, or a file with one of those or 32 raw bytes), else as `found` beside
    the log. The second value: whether it was given. Raises BadInput."""
    if not given:
        if found is None:
            raise BadInput("The hub's public key is needed.", advice="Give it with --key, as you were told it.")
        return _log_key(found.decode("utf-8", "replace")), False
    path = Path(given)
    if path.is_file():
        data = path.read_bytes()[:1000]
        return (data if len(data) == 32 else _log_key(data.decode("utf-8", "replace"))), True
    return _log_key(given), True


def _log_key(text: str) -> bytes:
    text = text.strip()
    try:
        data = bytes.fromhex(text)
    except ValueError:
        key = read_key(text)
        if not isinstance(key, NoteKey) or key.name != log_key(key.public_key).name:
            raise BadInput("This is not the key of a Belvedere hub's log.", advice="Ask for its log key.") from None
        return key.public_key
    if len(data) != 32:
        raise BadInput("A hub's public key has 64 hex digits.", advice="Copy it again.")
    return data


def witness_keys(given: Sequence[str], found: bytes | None) -> list[WitnessKey]:
    """Keys of witnesses: lines given, files of such lines, and what lies beside the log. Raises BadNote, BadInput."""
    lines: list[str] = []
    for text in given:
        path = Path(text)
        lines += path.read_text("utf-8").splitlines() if path.is_file() else [text]
    if not given and found is not None:
        lines = found.decode("utf-8", "replace").splitlines()
    keys = []
    for line in lines:
        if line.strip():
            key = read_key(line)
            if not isinstance(key, WitnessKey):
                raise BadInput(f"{key.name} is the key of a log, not of a witness.", advice="Ask for the witness key.")
            keys.append(key)
    return keys


def entry_proof(entry: Path, proof: Path | None) -> LogProof:
    """The proof of the record in `entry`: a pack's `log/entry.json` with `proof.json` beside it, a tlog-proof file beside it, or
    a file of the audit explorer that holds record and proof in one.

    Raises BadInput.
    """
    if proof is None and (whole := whole_entry(entry)) is not None:
        return _proof_of(entry, whole, str(whole["record"]).encode())
    beside = proof or next(
        (one for one in (entry.parent / "proof.json", *sorted(entry.parent.glob("*.tlog-proof"))) if one.is_file()),
        None,
    )
    if beside is None:
        raise BadInput(f"There is no proof.json beside {entry}.", advice="Name it with --proof.")
    record, data = _small(entry), _small(beside)
    if data.startswith(b"c2sp.org/"):
        return read_proof(data, record)
    try:
        words: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{beside} is not a proof: {error}.", advice="Take it from the pack again.") from error
    return _proof_of(beside, words, record)


def whole_entry(path: Path) -> dict[str, Any] | None:
    """The words of a file that holds one record and its proof, as the audit explorer hands it out; None for any other file."""
    try:
        words = json.loads(_small(path))
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, dict) and {"record", "path", "checkpoint"} <= set(words) else None


def _proof_of(file: Path, words: dict[str, Any], record: bytes) -> LogProof:
    try:
        path = tuple(bytes.fromhex(part) for part in words["path"])
        index = words["index"]
        if type(index) is not int or len(path) > _MAX_PATH:
            raise ValueError("no proof of a log")
        salt = bytes.fromhex(words["salt"])
        gone = bytes.fromhex(words["entry"]) if words.get("record") == "" and not salt else b""
        return LogProof(index, salt, record, path, words["checkpoint"].encode(), gone)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{file} is not a proof: {error}.", advice="Take it from the pack again.") from error


def _small(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.", advice="Check the name.") from error


def exported_records(path: Path) -> Iterator[KnownRecord]:
    """Records with their salts from `belvedere audit export --format json --salts`. Raises BadInput naming the line.

    Lines of erased entries hold no record and are passed over.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            try:
                words = json.loads(line)
                if not words.get("erased", False):
                    yield KnownRecord(int(words["index"]), bytes.fromhex(words["salt"]), words["record"].encode())
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise BadInput(
                    f"Line {number} of {path} holds no record with its salt.",
                    advice="Export it with `belvedere audit export --format json --salts`.",
                ) from error
