"""What runs a network, on one thread: OpenVINO in bf16 where the processor multiplies it (AMX), ONNX Runtime elsewhere.

Both are imported when one is made: they take hundreds of milliseconds and tens of megabytes.
"""

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from belvedere.foundation.errors import Unavailable
from belvedere.vision.objects.nanodet import SIZE, Floats, Runner

Network = Path | bytes
"""A file, or what was read of one: a confined process may have an open handle and no path."""

_TRIES = 5
_MOST_SIZES = 4


class OnnxRuntime:
    """ONNX Runtime with one provider; on the processor, one thread."""

    def __init__(self, network: Network, provider: str = "CPUExecutionProvider") -> None:
        """Raises Unavailable when the file is no network, or the provider is not there."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(_plain(network), options, providers=[provider])
        except Exception as error:  # onnxruntime has a tree of its own with no common base
            raise _unreadable(network, error) from error
        self._names = [each.name for each in self._session.get_outputs()]
        self._input = self._session.get_inputs()[0].name

    def run(self, pictures: Floats) -> Mapping[str, Floats]:
        try:
            return dict(zip(self._names, self._session.run(None, {self._input: pictures}), strict=True))
        except Exception as error:  # as above
            raise Unavailable(f"The network failed: {error}.", advice="The picture is left out.") from error


class OpenVino:
    """OpenVINO on the processor, one stream of one thread. `bf16`: where AMX multiplies it, five times as fast."""

    def __init__(self, network: Network, bf16: bool) -> None:
        """Raises Unavailable when OpenVINO is not there or the file is no network."""
        # Its converter would load a module that reports to its makers how it is used. Nothing here converts with it.
        sys.modules.setdefault("openvino.tools.ovc", cast(Any, None))
        try:
            import openvino
        except ImportError as error:
            raise Unavailable("OpenVINO is not installed.", advice="ONNX Runtime is used.") from error
        self._core: Any = openvino.Core()
        self._how = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        try:
            self._network: Any = self._core.read_model(_plain(network))
        except RuntimeError as error:
            raise _unreadable(network, error) from error
        # Compiled for one size of picture each: that is faster than one that takes any. The newest few are kept.
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def run(self, pictures: Floats) -> Mapping[str, Floats]:
        try:
            compiled = self._for(pictures.shape)
            found = compiled.create_infer_request().infer([pictures])
        except RuntimeError as error:
            raise Unavailable(f"The network failed: {error}.", advice="The picture is left out.") from error
        # An output goes by the network's own name for it, and by names that OpenVINO gave it.
        return {name: np.array(found[each]) for each in compiled.outputs for name in each.get_names()}

    def _for(self, shape: tuple[int, ...]) -> Any:
        compiled = self._compiled.pop(shape, None)
        if compiled is None:
            network = self._network.clone()
            network.reshape(list(shape))
            compiled = self._core.compile_model(network, "CPU", self._how)
        self._compiled[shape] = compiled
        if len(self._compiled) > _MOST_SIZES:
            self._compiled.popitem(last=False)
        return compiled


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was taken and how long a picture takes on it, in milliseconds of processor time; `tried`: all that could be made."""

    provider: str
    ms_a_picture: float
    tried: tuple[tuple[str, float], ...]


def has_amx() -> bool:
    """Whether this processor multiplies bf16 in tiles (Linux says so in /proc/cpuinfo)."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return False


def ways(network: Network) -> dict[str, Callable[[], Runner]]:
    """What could run a network here, by name."""
    found: dict[str, Callable[[], Runner]] = {"onnxruntime": lambda: OnnxRuntime(network)}
    found["openvino bf16" if has_amx() else "openvino"] = lambda: OpenVino(network, has_amx())
    return found


def choose(network: Network, size: tuple[int, int] = SIZE) -> tuple[Runner, Chosen]:
    """The fastest runner for pictures of `size` (height, width), measured. Raises Unavailable when none can be made."""
    picture = np.zeros((1, 3, *size), np.float32)
    best: tuple[float, str, Runner] | None = None
    tried: list[tuple[str, float]] = []
    failed: Unavailable | None = None
    for name, make in ways(network).items():
        try:
            runner = make()
            runner.run(picture)  # the first one compiles
            ms = _fastest_ms(runner, picture)
        except Unavailable as error:
            failed = error
            continue
        tried.append((name, ms))
        if best is None or ms < best[0]:
            best = ms, name, runner
    if best is None:
        raise failed or Unavailable("Nothing here can run a network.", advice="Install onnxruntime.")
    return best[2], Chosen(best[1], best[0], tuple(tried))


def _fastest_ms(runner: Runner, picture: Floats) -> float:
    taken = []
    for _ in range(_TRIES):
        begun_ns = time.process_time_ns()
        runner.run(picture)
        taken.append((time.process_time_ns() - begun_ns) / 1e6)
    return min(taken)


def _plain(network: Network) -> str | bytes:
    return network if isinstance(network, bytes) else str(network)


def _unreadable(network: Network, error: BaseException) -> Unavailable:
    name = "The file" if isinstance(network, bytes) else network.name
    first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    return Unavailable(
        f"{name} is not a network that can be run: {first}.", advice="Fetch it again: belvedere models fetch."
    )
