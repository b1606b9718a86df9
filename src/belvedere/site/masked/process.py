"""A masking process as its owner sees it, on the event loop. A fault ends it; nobody asks a process again that failed once."""

import asyncio
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError

import msgspec

from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.site.masked.pipe import LENGTH, LONGEST_ORDER, LONGEST_TOLD, AnyTold, Order, Told, pack_word
from belvedere.site.sandbox.start import Confined, start
from belvedere.vision.models.shelf import Model, ModelShelf

WORKER = "belvedere.site.masked.worker"

_MEMORY_BYTES = 2 << 30  # address space: numpy and FFmpeg reserve much and use little
START_S = 60.0  # a loaded machine takes its time to start a process
ANSWER_S = 10.0
_decoder: msgspec.msgpack.Decoder[AnyTold] = msgspec.msgpack.Decoder(AnyTold)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A detector's file, and what is registered of it: the process compares them."""

    path: Path
    model: Model


def chosen_in(folder: Path) -> ModelFile | None:
    """The model that is chosen on the shelf of this machine; None where there is none, or its register can't be read."""
    shelf = ModelShelf(folder)
    try:
        model = shelf.chosen()
    except StorageFault:
        return None  # `belvedere models list` says what is wrong with it
    return ModelFile(shelf.path(model), model) if model is not None else None


def _start(model: ModelFile | None) -> Confined:
    """The process gets an open file, no path: its view of the disk stays as narrow as without a model."""
    try:
        handle = os.open(model.path, os.O_RDONLY | os.O_CLOEXEC) if model is not None else -1
    except OSError:
        handle = -1  # it goes on without, and says so
    try:
        known = model is not None and handle >= 0
        arguments = (str(handle), msgspec.json.encode(model.model).decode()) if known and model is not None else ()
        handles = (handle,) if handle >= 0 else ()
        return start(WORKER, arguments, handles=handles, memory_bytes=_MEMORY_BYTES)
    finally:
        if handle >= 0:
            os.close(handle)


class MaskingEnded(Exception):
    """The process died, hung or spoke nonsense."""


class MaskingProcess:
    """One running process. Make it with `begin`; `close` it whatever happens."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inward: asyncio.ReadTransport,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._inward = inward
        self._answered = False

    @classmethod
    async def begin(cls, model: ModelFile | None = None) -> "MaskingProcess":
        """Start a process, confined as well as this machine can; it may read `model` and no other file. Raises Unavailable."""
        process = await asyncio.to_thread(_start, model)
        assert process.stdin is not None
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LONGEST_TOLD)
        try:
            inward, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
            outward, protocol = await loop.connect_write_pipe(
                lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), process.stdin
            )
        except OSError as error:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise Unavailable("No masking process can be started.", advice="Check the machine's memory.") from error
        return cls(process, reader, asyncio.StreamWriter(outward, protocol, None, loop), inward)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def say(self, order: Order) -> None:
        """Give an order; waits while the pipe is full. Raises MaskingEnded."""
        data = pack_word(order)
        if len(data) > LONGEST_ORDER:
            raise MaskingEnded("an order that is too long")
        try:
            self._writer.write(data)
            async with asyncio.timeout(START_S if not self._answered else ANSWER_S):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise MaskingEnded(repr(error)) from error

    async def hear(self) -> Told:
        """What it says next. Raises MaskingEnded, and TimeoutError never: whoever waits for an order sets the time."""
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if length > LONGEST_TOLD:
                raise MaskingEnded("an answer that is too long")
            told: Told = _decoder.decode(await self._reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError, StructError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MaskingEnded(repr(error)) from error
        self._answered = True
        return told

    @property
    def patience_s(self) -> float:
        """How long an order may take."""
        return ANSWER_S if self._answered else START_S

    async def close(self) -> None:
        """End it. Blocks for as long as a killed process takes to go."""
        self._process.kill()
        self._writer.close()
        self._inward.close()
        await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """End it at once, when there is no loop to wait on."""
        self._process.kill()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
