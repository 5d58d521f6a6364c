"""Runs the HTTP API: `python -m api.server`."""

import sys

import uvicorn

from api.app import create_app
from api.resources import ApiConfiguration
from infra.logs import configure_logs
from infra.settings import SettingsError

_KEEP_ALIVE_SECONDS = 30


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    configure_logs()
    try:
        configuration = ApiConfiguration.load()
    except SettingsError as exc:
        sys.exit(str(exc))
    uvicorn.run(
        create_app(configuration),
        host=configuration.api.host,
        port=configuration.api.port,
        access_log=False,
        log_config=None,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
