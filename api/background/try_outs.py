"""Tries presets on a file, in a process of its own whose pixel processes may be killed.

The API must not load Pillow, and nothing that a file does may reach it: the process gets none of
the API's secrets, ends with all that it started after a time, and its files are read as data.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import structlog

from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable
from infra.settings.sections import inherited_environment

log = structlog.get_logger(__name__)

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")
_SETTINGS = ("PIXEL_", "PRESETS_FILE", "HEIC_ENABLED")
_COMMAND = (sys.executable, "-m", "tasks.pixels.try_out")
_SECONDS = 120.0
_RETRY_SECONDS = 5


class TryOuts:
    """The places for try-outs of one process. Safe to share between threads."""

    def __init__(self, most: int, *, seconds: float = _SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._places = BoundedSemaphore(most) if most else None

    def make(self, source: Path, folder: Path, presets: Sequence[str]) -> list[dict[str, Any]]:
        """Return what `tasks.pixels.try_out` says of the file; its variants are in the folder.

        Raises `ServiceUnavailable` when all places are taken, and `Rejected` (422) when it takes
        too long.
        """
        if self._places is None or not self._places.acquire(blocking=False):
            raise ServiceUnavailable(
                ErrorCode.TRY_OUTS_FULL,
                f"Presets are tried on {self._most} pictures at once already. Try again in a "
                "moment, or raise API_TRY_OUTS.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        try:
            return self._run((str(source), str(folder), *presets))
        finally:
            self._places.release()

    def _run(self, arguments: Sequence[str]) -> list[dict[str, Any]]:
        environment = {
            name: value
            for name, value in inherited_environment().items()
            if name in _KEPT or name.startswith(_SETTINGS)
        }
        with subprocess.Popen(  # noqa: S603 - our own module
            (*_COMMAND, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that what it starts can be ended with it
        ) as process:
            try:
                out, err = process.communicate(timeout=self._seconds)
            except subprocess.TimeoutExpired as exc:
                detail = f"Trying the presets took longer than {self._seconds:.0f} s and was ended."
                raise Rejected(422, ErrorCode.DECODE_TIMEOUT, detail) from exc
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            log.error("a try-out failed", status=process.returncode, said=err[-2000:])
            raise RuntimeError("the process of a try-out failed; the log says why")
        results: list[dict[str, Any]] = json.loads(out)
        return results
