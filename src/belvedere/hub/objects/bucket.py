"""A bucket of S3 as a store.

An object is a small index under its key, and parts of up to 8 MiB under KEY.parts/. Every part and the index is written with
If-None-Match: * and never again. Parts are named by number and SHA-256, so that a try that was cut off sends only those that
are not there; all are read back and hashed before the index is written, and without an index there is no object.
(S3's own multipart upload would leave no trace of how far it got when the process dies, and `obstore` does not give its id.)
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from belvedere.foundation.errors import Conflict, NotFound, ObjectsAway, StorageFault
from belvedere.hub.objects.store import Done, Found, nobody

if TYPE_CHECKING:
    from obstore.store import S3Store

PART_BYTES = 8 << 20
_INDEX_BYTES = 8 << 20
_PARTS = ".parts/"
_CODE = re.compile(r"<Code>(\w{1,40})</Code>|status code: (\d{3})")
_CHECK = "Run `belvedere objects check`."
_T = TypeVar("_T")

_log = structlog.get_logger()


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies under an object's key. All parts but the last have `part_bytes`; `parts` are their SHA-256 in hex."""

    format: int
    bytes: int
    sha256: str
    part_bytes: int
    parts: tuple[str, ...]

    def span(self, number: int) -> tuple[int, int]:
        """Where part `number` (from 0) begins and ends in the object."""
        return number * self.part_bytes, min(self.bytes, (number + 1) * self.part_bytes)


class BucketStore:
    """Objects in a bucket. `part_bytes` is smaller in tests."""

    def __init__(self, bucket: "S3Store", address: str, part_bytes: int = PART_BYTES) -> None:
        self.address = address
        self._bucket = bucket
        self._part_bytes = part_bytes

    def put(self, key: str, source: Path, size: int, sha256: str, done: Done = nobody) -> None:
        known = self._index(key)
        if known is None:
            hashes = self._send(key, source, size, sha256, done)
            known = Index(1, size, sha256, self._part_bytes, hashes)
            self._verify(key, known)
            if not self._create(key, msgspec.json.encode(known)):
                known = self._index(key)  # another process was first
        else:
            done(size)
        if known is None or (known.bytes, known.sha256) != (size, sha256):
            raise Conflict(f"Something else is stored as {key} already.", advice=_CHECK)

    def _send(self, key: str, source: Path, size: int, sha256: str, done: Done) -> tuple[str, ...]:
        there = {name: length for name, length in self._list(key + _PARTS)}
        whole, hashes, sent = hashlib.sha256(), list[str](), 0
        with source.open("rb") as file:
            while part := file.read(self._part_bytes):
                whole.update(part)
                sent += len(part)
                hashes.append(hashlib.sha256(part).hexdigest())
                name = _part(key, len(hashes) - 1, hashes[-1])
                length = there.get(name)
                if length is not None and length != len(part):  # cut off by the store itself
                    self._delete(name)
                    length = None
                if length is None:
                    self._create(name, part)
                done(len(part))
        if (sent, whole.hexdigest()) != (size, sha256):
            raise StorageFault(f"{source.name} changed before it was stored.", advice="Look at the hub's disk.")
        return tuple(hashes)

    def _verify(self, key: str, index: Index) -> None:
        whole = hashlib.sha256()
        for number in range(len(index.parts)):
            whole.update(self._part(key, index, number))
        if whole.hexdigest() != index.sha256:
            raise StorageFault(f"{key} did not arrive as it was sent.", advice="Check the object store.")

    def size(self, key: str) -> int | None:
        index = self._index(key)
        return None if index is None else index.bytes

    def read(self, key: str, start: int, end: int) -> Iterator[bytes | memoryview]:
        index = self._index(key)
        if index is None:
            raise NotFound(f"{key} is not in the store.", advice=_CHECK)
        if end > index.bytes:
            raise StorageFault(f"{key} is shorter than it was.", advice=_CHECK)
        while start < end:
            number = start // index.part_bytes
            first, last = index.span(number)
            stop = min(end, last)
            if (start, stop) == (first, last):  # whole parts are checked as they pass
                yield self._part(key, index, number)
            else:
                yield self._range(_part(key, number, index.parts[number]), key, start - first, stop - first)
            start = stop

    def path(self, key: str) -> Path | None:
        return None

    def destroy(self, key: str) -> None:
        self._delete(key)  # first: from here on nobody finds it
        for name, _ in self._list(key + _PARTS):
            self._delete(name)
        if self._get(key) is not None or any(True for _ in self._list(key + _PARTS)):
            raise ObjectsAway(
                f"{key} is still in the object store after it was removed.",
                advice="Object lock or a policy of the bucket forbids it: see the guide on object stores.",
            )

    def found(self) -> Iterator[Found]:
        halves: dict[str, int] = {}
        whole: set[str] = set()
        for name, size in self._list(""):
            key, parts, _ = name.partition(_PARTS)
            if parts:
                halves[key] = halves.get(key, 0) + size
            else:
                whole.add(name)
                yield Found(name, self.size(name) or 0, True)
        for key in sorted(halves.keys() - whole):
            yield Found(key, halves[key], False)

    # What S3 is asked ---------------------------------------------------------------------------------------------

    def _index(self, key: str) -> Index | None:
        data = self._get(key)
        if data is None:
            return None
        try:
            index = msgspec.json.decode(data, type=Index)
            if index.format != 1 or index.part_bytes < 1 or len(index.parts) != -(-index.bytes // index.part_bytes):
                raise msgspec.ValidationError("its numbers do not fit")
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise StorageFault(f"The index of {key} can't be read: {error}.", advice=_CHECK) from error
        return index

    def _part(self, key: str, index: Index, number: int) -> bytes:
        first, last = index.span(number)
        part = self._get(_part(key, number, index.parts[number]), last - first + 1)
        if part is None or len(part) != last - first or hashlib.sha256(part).hexdigest() != index.parts[number]:
            raise StorageFault(f"Part {number + 1} of {key} is lost or altered in the store.", advice=_CHECK)
        return part

    def _range(self, name: str, key: str, start: int, end: int) -> bytes:
        import obstore

        try:
            data = self._ask(lambda: bytes(obstore.get_range(self._bucket, name, start=start, end=end)))
        except FileNotFoundError:
            data = b""
        if len(data) != end - start:
            raise StorageFault(f"A part of {key} is lost or cut in the store.", advice=_CHECK)
        return data

    def _get(self, name: str, limit: int = _INDEX_BYTES) -> bytes | None:
        import obstore

        def get() -> bytes:
            got = obstore.get(self._bucket, name)
            return bytes(got.bytes()) if got.meta["size"] <= limit else b""  # larger than anything of ours: not ours

        try:
            return self._ask(get)
        except FileNotFoundError:
            return None

    def _create(self, name: str, data: bytes) -> bool:
        """Write what is not there yet; False when something is."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            self._ask(lambda: obstore.put(self._bucket, name, data, mode="create", use_multipart=False))
        except AlreadyExistsError:
            return False
        except FileNotFoundError:
            raise self._away("it has no such bucket") from None
        return True

    def _delete(self, name: str) -> None:
        import obstore

        try:
            self._ask(lambda: obstore.delete(self._bucket, name))
        except FileNotFoundError:
            pass

    def _list(self, prefix: str) -> list[tuple[str, int]]:
        """Names and sizes of everything below `prefix`, which ends with / or is empty."""
        import obstore

        def names() -> list[tuple[str, int]]:
            listed: list[Any] = list(obstore.list(self._bucket, prefix.rstrip("/") or None).collect())
            return sorted((each["path"], each["size"]) for each in listed if each["path"].startswith(prefix))

        try:
            return self._ask(names)
        except FileNotFoundError:
            raise self._away("it has no such bucket") from None

    def _ask(self, call: Callable[[], _T]) -> _T:
        """`call`, with its faults in our words. FileNotFoundError and AlreadyExistsError pass."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            return call()
        except (FileNotFoundError, AlreadyExistsError) as error:
            if "NoSuchBucket" in str(error):
                raise self._away("it has no such bucket") from error
            raise
        except (BaseError, OSError) as error:
            said = str(error)
            found = _CODE.search(said)
            code = (found[1] or found[2]) if found else ""
            _log.warning("object store", store=self.address, code=code, fault=type(error).__name__)
            if "NoSuchBucket" in said:
                raise self._away("it has no such bucket") from error
            if isinstance(error, PermissionError) or type(error).__name__ in _REFUSALS or _REFUSED.search(said):
                raise self._away("it refuses the hub's credentials") from error
            raise self._away("it does not answer" if not code else f"it answers with a fault ({code})") from error

    def _away(self, why: str) -> ObjectsAway:
        return ObjectsAway(
            f"The object store {self.address} can't be used: {why}.",
            advice="Check [hub] objects, its credentials and the store; what waits goes on by itself.",
        )


_REFUSALS = ("PermissionDeniedError", "UnauthenticatedError")
_REFUSED = re.compile(r"status code: 40[13]|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId")


def _part(key: str, number: int, sha256: str) -> str:
    return f"{key}{_PARTS}{number + 1:06}-{sha256[:32]}"
