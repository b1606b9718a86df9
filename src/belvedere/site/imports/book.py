"""Which recordings were brought in, and who vouches for their time: table imported_file."""

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput
from belvedere.link.cameras import ImportedFile
from belvedere.site.storage.index import Index

_AT_ONCE = 500
_COLUMNS = "sha256, camera, stream, name, bytes, start_us, end_us, offset_us, zone, said_by, how, imported_us"
_LONGEST = 1000


class ImportBook:
    """Reads and writes the book. Thread-safe."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def note(self, file: ImportedFile) -> None:
        """Enter a recording; entering it again replaces the entry. Raises BadInput for one that can't be."""
        texts = (file.camera, file.stream, file.name, file.zone, file.said_by, file.how)
        try:
            digest = bytes.fromhex(file.sha256)
        except ValueError:
            digest = b""
        if len(digest) != 32 or file.end_us < file.start_us or any(len(text) > _LONGEST for text in texts):
            raise BadInput("This can't be an imported recording.", advice="Run the same version on both ends.")
        values = (
            digest,
            file.camera,
            file.stream,
            file.name,
            file.bytes,
            file.start_us,
            file.end_us,
            file.offset_us,
            file.zone,
            file.said_by,
            file.how,
            self._clock.now_us(),
        )
        with self._index.write() as db:
            db.execute(f"INSERT OR REPLACE INTO imported_file ({_COLUMNS}) VALUES ({', '.join('?' * 12)})", values)

    def find(self, sha256: tuple[str, ...], names: tuple[str, ...]) -> tuple[ImportedFile, ...]:
        """Entries with one of these hashes (hexadecimal) or names, at most 500 of each asked for."""
        try:
            digests = [bytes.fromhex(text) for text in sha256]
        except ValueError as error:
            raise BadInput("A hash is not hexadecimal.", advice="Run the same version on both ends.") from error
        if len(digests) > _AT_ONCE or len(names) > _AT_ONCE:
            raise BadInput(f"At most {_AT_ONCE} recordings are looked up at once.", advice="Ask for fewer.")
        found: dict[tuple[bytes, str, str], ImportedFile] = {}
        for column, values in (("sha256", digests), ("name", list(names))):
            sql = f"SELECT {_COLUMNS} FROM imported_file WHERE {column} IN ({', '.join('?' * len(values))})"
            for row in self._index.read().execute(sql, values).fetchall():
                found[row[0], row[1], row[2]] = ImportedFile(row[0].hex(), *row[1:])
        return tuple(found.values())
