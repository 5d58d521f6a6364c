"""What a pixel process does: read a call, make it, answer with data.

Calls are pickled, because the worker that sends them is trusted. Answers are JSON, because this
process is not: an image may have taken it over.
"""

import json
import os
import pickle
import resource
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from infra.contract.errors import ErrorCode, ImageRefused, ProductImagesError
from tasks.pixels.confine import Bounds, confine

LENGTH = struct.Struct("=Q")
"""Goes before each message, in both directions."""

_CHUNK_BYTES = 1 << 20
_RESERVE_SECONDS = 2  # the worker looks at the CPU time itself; this is for when it is frozen


@dataclass(frozen=True, slots=True)
class Work:
    """A function to call, its arguments, and the CPU time that it may take; all picklable."""

    function: Callable[..., object]
    arguments: tuple[object, ...]
    cpu_seconds: float


def serve(connection: int, bounds: Bounds) -> None:
    """Confine this process, say what holds, and answer calls until the other end closes."""
    _send(connection, {"value": confine(bounds)})
    while header := _read(connection, LENGTH.size):
        request = _read(connection, LENGTH.unpack(header)[0])
        work: Work = pickle.loads(request)  # noqa: S301 - the worker wrote it
        until = int(time.process_time() + work.cpu_seconds) + 1 + _RESERVE_SECONDS
        most = bounds.cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (min(until, most), most))
        _send(connection, _answer(work))


def _answer(work: Work) -> dict[str, object]:
    """Make the call. Any exception but ours is a bug: it ends the process, with a traceback."""
    try:
        return {"value": work.function(*work.arguments)}
    except ProductImagesError as error:
        return _refusal(error)
    except MemoryError:
        detail = "This image needs more memory than one image may use."
        return _refusal(ImageRefused(ErrorCode.OUT_OF_MEMORY, detail))


def _refusal(error: ProductImagesError) -> dict[str, object]:
    return {"error": {"code": error.code, "detail": error.detail, "retryable": error.retryable}}


def _send(connection: int, answer: dict[str, object]) -> None:
    data = json.dumps(answer, default=_as_data).encode()
    message = memoryview(LENGTH.pack(len(data)) + data)
    while message:
        message = message[os.write(connection, message) :]


def _as_data(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a pixel process cannot answer with a {type(value).__name__}")


def _read(connection: int, count: int) -> bytes:
    """Read this many bytes; fewer, and none, at the other end's end."""
    data = bytearray()
    while len(data) < count:
        chunk = os.read(connection, min(_CHUNK_BYTES, count - len(data)))
        if not chunk:
            return b""
        data += chunk
    return bytes(data)
