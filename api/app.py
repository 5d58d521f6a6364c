"""Builds the HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio import to_thread
from fastapi import FastAPI

from api.auth.announcement import announce_access
from api.auth.install import install_access, name_keys
from api.console.install import install_console
from api.metrics.request_timer import Meter, Metered
from api.openapi.document import extend_document
from api.openapi.examples import add_examples
from api.openapi.problem_schema import name_problems
from api.pages import documentation, root
from api.problems import install_problem_handlers
from api.resources import ApiConfiguration, open_resources
from api.routes import (
    batches,
    failures,
    health,
    hosts,
    imports,
    job_events,
    jobs,
    keys,
    overview,
    presets,
    process_image,
    product_list,
    products,
    reprocess,
    webhooks,
)

_DOORS = (
    *(process_image, jobs, job_events, product_list, products),
    *(imports, batches, reprocess, overview, failures, presets, webhooks, hosts, keys, health),
    *(documentation, root),
)


def create_app(configuration: ApiConfiguration) -> FastAPI:
    """Return the application; it opens its resources when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = configuration.api.threads
        with open_resources(configuration) as resources:
            app.state.resources = resources
            await to_thread.run_sync(announce_access, resources.database, configuration.api)
            await to_thread.run_sync(resources.probes.wait_for_first_round)
            yield

    app = FastAPI(
        title="product-images",
        summary="Turns product images from supplier URLs into small, verified variants.",
        version=version("product-images"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
    )
    install_problem_handlers(app)
    install_console(app)
    install_access(app, configuration.api)  # around it, so that a page sets its own policy
    extend_document(app, name_keys, name_problems, add_examples)
    app.state.meter = Meter()
    app.add_middleware(Metered, meter=app.state.meter)  # last, so it is around the others
    for module in _DOORS:
        app.include_router(module.router)
    return app
