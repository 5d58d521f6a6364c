"""Asks, in a process of its own, whether the native decoders are at or above their floors.

The API accepts uploads for workers that it does not see, and that stop when a decoder is too old.
It must not load Pillow: a child does, without the API's secrets.
"""

import subprocess
import sys
from threading import Lock

from infra.contract.errors import ErrorCode, ProductImagesError
from infra.settings.sections import DecoderSettings, inherited_environment

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")
_CHECK = (sys.executable, "-m", "tasks.pixels.decoder_check")
_SECONDS = 30.0


class DecoderProbe:
    """Runs `python -m tasks.pixels.decoder_check` until it has answered, and keeps that answer.

    What is loaded changes with an installation, and an installation starts a new process.
    """

    def __init__(self, settings: DecoderSettings) -> None:
        self._environment = {
            name: value for name, value in inherited_environment().items() if name in _KEPT
        } | {"HEIC_ENABLED": str(settings.heic_enabled).lower()}
        self._lock = Lock()
        self._answer: str | None = None

    def ask(self) -> None:
        """Raise `ProductImagesError` with a sentence for each decoder that is too old."""
        with self._lock:
            if self._answer is None:
                self._answer = self._run()
            answer = self._answer
        if answer:
            raise ProductImagesError(ErrorCode.INTERNAL_ERROR, answer)

    def _run(self) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                _CHECK,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as exc:
            sentence = (
                "The decoders could not be checked; run `python -m tasks.pixels.decoder_check` "
                "to see why."
            )
            raise ProductImagesError(ErrorCode.INTERNAL_ERROR, sentence) from exc
        return " ".join(done.stdout.split("\n")).strip()
