"""The import rules: flows and api lean on tasks, tasks on infra, infra on nothing of ours.

Within each of them packages lie in layers: a package leans on those of lower layers only.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.support.source import (
    ROOT,
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

# The packages of a package, from the lowest layer up. One may import from lower layers, and not
# from its neighbours in the same one. Modules beside the packages (`tasks.views`, the flows) lie in
# no layer.
LAYERS = {
    "infra": (
        ("contract",),
        ("settings",),
        ("broker", "db", "host_limits"),
        ("fetch", "migrations"),
        ("webhooks",),
        ("stack",),
    ),
    "infra.fetch": (("safety",), ("transport",)),
    "infra.stack": (("supervisor",), ("services",)),
    "tasks": (
        ("imaging", "keys", "webhooks", "workers"),
        ("pixels",),
        ("steps",),
        ("contents",),
        ("jobs",),
        ("chunks", "reports", "submission"),
        ("imports", "products", "reprocess"),
        ("batches", "upkeep"),
        ("backup", "doctor"),
    ),
    "tasks.imaging": (
        ("formats",),
        ("checks", "presets", "web"),
        ("transform",),
        ("colour",),
        ("decode",),
        ("encode", "metadata"),
        ("quality",),
        ("animation",),
    ),
    "flows": (
        ("runtime",),
        ("reports", "runs"),
        ("execution",),
        ("bridge", "pool"),
        ("control",),
        ("worker",),
    ),
    "api": (
        ("metrics", "openapi", "pages", "schemas"),
        ("background", "events"),
        ("auth",),
        ("bodies",),
        ("imports",),
        ("cli", "routes"),
        ("console",),
    ),
    "api.cli": (("views",), ("commands",)),
}

# The production image leaves this package out (docs/adr/0017-local-stack.md), so only the commands
# that start it may import it.
LOCAL = "infra.stack"
IMPORT_LOCAL = (LOCAL, "api.cli.commands.demo", "api.cli.commands.stack")

# Imports against the layers that stay: importer, what it may import, and why.
EXCEPTIONS = {
    (
        "flows.runtime.prefect_limits",
        "flows.runs",
    ): "the names of the deployments stand with the labels of their runs",
    (
        "tasks.imaging.presets.fingerprint",
        "tasks.imaging.decode.heif.heif_version",
    ): "a decoder's version is part of the policy",
    (
        "tasks.imaging.encode.variant_writer",
        "tasks.imaging.quality",
    ): "it writes each file at the quality that the search finds; the search encodes to find it",
    (
        "tasks.imaging.encode.variant_writer",
        "tasks.imaging.animation",
    ): "one writer makes the files of still and of moving pictures",
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


def upward_imports(module: Module) -> Iterator[Violation]:
    """Imports of a package in the same layer or a higher one, but for the exceptions."""
    for whole, layers in LAYERS.items():
        own = _layer(whole, module.name)
        if own is None:
            continue
        for use in imports(module):
            other = _layer(whole, use.name)
            if other is None or other == own or other[0] < own[0]:
                continue
            if not any(within(module.name, [a]) and within(use.name, [b]) for a, b in EXCEPTIONS):
                below = [f"{whole}.{name}" for layer in layers[: own[0]] for name in layer]
                yield Violation(
                    module.path,
                    use.line,
                    f"{whole}.{own[1]} must not import {use.name}; of {whole}'s packages it may "
                    f"import {', '.join(below) or 'none'}. Move what is shared down, or pass it in "
                    "as an argument.",
                )


def local_imports(module: Module) -> Iterator[Violation]:
    """Imports of the local stack, or of the commands that start it, by what must do without."""
    if not within(module.name, IMPORT_LOCAL):
        for use in imports(module):
            if within(use.name, IMPORT_LOCAL):
                yield Violation(
                    module.path,
                    use.line,
                    f"the production image has no {LOCAL}: {module.name} must work without. What "
                    "both need belongs beside it, as infra.stack_description does.",
                )


def _layer(whole: str, name: str) -> tuple[int, str] | None:
    """Return the number of the layer that a module lies in, and its package's name there."""
    for number, layer in enumerate(LAYERS[whole]):
        for package in layer:
            if within(name, [f"{whole}.{package}"]):
                return number, package
    return None


def _packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")}


def test_imports_follow_the_direction() -> None:
    hold(violation for module in modules() for violation in stray_imports(module))


def test_packages_import_from_lower_layers_only() -> None:
    hold(violation for module in modules() for violation in upward_imports(module))


def test_only_the_commands_that_start_the_local_stack_import_it() -> None:
    hold(violation for module in modules() for violation in local_imports(module))


@pytest.mark.parametrize("whole", LAYERS)
def test_every_package_lies_in_one_layer(whole: str) -> None:
    listed = [name for layer in LAYERS[whole] for name in layer]
    assert sorted(listed) == sorted(_packages(ROOT / whole.replace(".", "/")))


def test_every_package_with_several_packages_has_layers() -> None:
    folders = {path.parent for path in ROOT.glob("*/**/__init__.py") if path.parent != ROOT}
    ours = {folder for folder in folders if folder.relative_to(ROOT).parts[0] in MAY_IMPORT}
    several = {folder for folder in ours if len(_packages(folder)) > 1}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in several} == set(LAYERS)


@pytest.mark.parametrize(("importer", "imported"), EXCEPTIONS)
def test_every_exception_is_still_needed(importer: str, imported: str) -> None:
    used = [
        use.name
        for module in modules()
        if within(module.name, [importer])
        for use in imports(module)
    ]
    assert any(within(name, [imported]) for name in used)


def test_an_import_from_a_higher_layer_or_beside_is_found() -> None:
    against = {
        "flows.runs.labels": "from flows.execution.executor import supervise",
        "flows.bridge.consumer": "import flows.pool.runs",
        "tasks.steps.reuse": "def late():\n    from tasks.jobs import claim",
        "tasks.imaging.formats.detect": "from ..decode import load",
        "infra.settings.sections": "from infra.webhooks.sender import deliver",
        "infra.fetch.safety.host": "from infra.fetch.transport.dialer import dial",
        "api.schemas.jobs": "from api.routes import jobs",
        "api.cli.client": "from api.routes import jobs",
    }
    for name, text in against.items():
        assert len([*upward_imports(snippet(name, text))]) == 1, name


def test_an_import_from_a_lower_layer_passes() -> None:
    along = {
        "flows.worker.lifecycle": "from flows.runtime import resources\nimport flows.deploy",
        "tasks.jobs.record": "from tasks.steps.results import ImageDone\nfrom . import claim",
        "api.routes.jobs": "from api.schemas.jobs import JobRead\nfrom api import problems",
        "tasks.imaging.presets.fingerprint": "from tasks.imaging.decode.heif import heif_version",
    }
    for name, text in along.items():
        assert [*upward_imports(snippet(name, text))] == [], name


def test_an_import_of_the_local_stack_is_found() -> None:
    for name, text in {
        "api.cli.client": "from infra.stack.ports import free_port",
        "infra.waiting": "def late():\n    import infra.stack",
        "api.cli.main": "from api.cli.commands import demo",
    }.items():
        assert len([*local_imports(snippet(name, text))]) == 1, name


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
