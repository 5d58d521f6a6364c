"""Configures logging once per process: event first, then fields, on standard error."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

from infra.db.storable import visible
from infra.settings.operations import LogSettings
from infra.settings.sections import SettingsError

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

_OF_SEVERAL_LINES = frozenset({"event", "exception", "stack"})
_CHATTY = ("httpx", "httpcore", "prefect.events", "alembic.runtime.migration")
"""Libraries that log each of their requests."""


def configure_logs(least: int = logging.NOTSET) -> None:
    """Send structlog and standard logging through one formatter, as LOG_FORMAT and LOG_LEVEL say.

    Lines below `least` are left out, whatever LOG_LEVEL says. A wrong setting ends the process.
    """
    try:
        settings = LogSettings.load()
    except SettingsError as exc:
        sys.exit(str(exc))
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings.format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    level = max(least, logging.getLevelNamesMapping()[settings.level.upper()])
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _renderers(form: str) -> tuple[Processor, ...]:
    if form == "json":  # which escapes by itself
        return (
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        )
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # rich ones show secrets
    )
    return (_escape, console)


def _escape(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Write control characters of values as escapes: none may move or recolour what a reader sees.

    Messages of libraries, and what is told of an exception, keep their line breaks.
    """
    for name, value in fields.items():
        if isinstance(value, str):
            allowed = "\n\t" if name in _OF_SEVERAL_LINES else ""
            fields[name] = visible(value, allowed)
    return fields
