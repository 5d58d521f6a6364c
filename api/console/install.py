"""Puts the console's pages into the application."""

from fastapi import FastAPI

from api.console import static_files
from api.console.pages import (
    batches,
    failures,
    imports,
    jobs,
    overview,
    presets,
    products,
    settings,
    sign_in,
    suppliers,
)
from api.console.problem_pages import install_problem_pages

_PAGES = (
    *(static_files, sign_in, overview, products, jobs),
    *(batches, imports, failures, suppliers, presets, settings),
)


def install_console(app: FastAPI) -> None:
    """Add the routes, and show problems under `/console` as pages."""
    for module in _PAGES:
        app.include_router(module.router)
    install_problem_pages(app)
