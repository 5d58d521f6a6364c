"""The import rule: flows and api lean on tasks, tasks on infra, infra on nothing of ours."""

from tests.architecture.support.source import (
    Module,
    Violation,
    hold,
    imports,
    modules,
    snippet,
    within,
)

OURS = ("api", "flows", "infra", "tasks", "tests")

# Where a module may import from. The first entry that contains the module decides.
MAY_IMPORT = {
    "tasks.imaging": ("tasks.imaging", "infra.contract.errors"),
    "tasks": ("tasks", "infra"),
    "infra": ("infra",),
    "api": ("api", "tasks", "infra"),
    "flows": ("flows", "tasks", "infra"),
}


def stray_imports(module: Module) -> list[Violation]:
    """Imports that go against the direction."""
    part = next(part for part in MAY_IMPORT if within(module.name, [part]))
    allowed = MAY_IMPORT[part]
    return [
        Violation(
            module.path,
            use.line,
            f"{part} must not import {use.name}; it may import {', '.join(allowed)}. "
            "Move what is shared down, or pass it in as an argument.",
        )
        for use in imports(module)
        if within(use.name, OURS) and not within(use.name, allowed)
    ]


def test_imports_follow_the_direction() -> None:
    hold(violation for module in modules() for violation in stray_imports(module))


def test_an_import_against_the_direction_is_found() -> None:
    against = {
        "infra.cache": "from tasks.submission.submit import submit",
        "tasks.submission.submit": "def late():\n    import flows.worker",
        "api.app": "import api, flows.deploy",
        "flows.worker": "from api import app",
        "tasks.imaging.pipeline": "from infra import settings",
        "tasks.imaging.formats.detect": "from ...submission.submit import submit",
        "tasks.steps.store": "import importlib\nimportlib.import_module('api.app')",
        "infra.db.engine": "from tests.builders import job",
    }
    for name, text in against.items():
        assert len(stray_imports(snippet(name, text))) == 1, name


def test_an_import_along_the_direction_passes() -> None:
    along = {
        "infra.cache": "from infra.settings.sections import CacheSettings\nimport redis",
        "tasks.submission.submit": "from infra.db import models\nfrom . import record",
        "api.app": "from tasks.submission.submit import submit\nfrom infra import errors",
        "tasks.imaging.pipeline": "from infra.contract import errors\nfrom .models import Facts",
        "flows.worker": "import tasks.pixels.pool, infra.broker.consumer",
    }
    for name, text in along.items():
        assert stray_imports(snippet(name, text)) == [], name


def test_the_message_names_the_place_and_the_way_out() -> None:
    (violation,) = stray_imports(snippet("infra.cache", "\nimport tasks.submission.submit"))
    assert str(violation).startswith(
        "infra/cache.py:2: infra must not import tasks.submission.submit"
    )
