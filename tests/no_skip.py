"""A pytest plugin: where `CI` is set, a skipped test is a failed test.

On a developer's machine a skip is a note; in CI it would be a promise that nobody checks. An
expected failure (`xfail`) is no skip: it ran. Load it with `pytest_plugins = ["tests.no_skip"]`.
"""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

OFF = ("", "0", "false")


def _failed_if_skipped(report: Report) -> Report:
    in_ci = os.environ.get("CI", "").lower() not in OFF
    if in_ci and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and CI skips nothing: {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test that skipped itself, or was marked to skip, into a failure."""
    return _failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a file that skipped itself while it was collected into an error."""
    return _failed_if_skipped((yield))
