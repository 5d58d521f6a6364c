"""In CI a skipped test fails the run; elsewhere it is only reported."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.support.source import ROOT

SKIPPING = {
    "marked": "import pytest\n\n@pytest.mark.skip(reason='later')\ndef test_it(): ...\n",
    "called": "import pytest\n\ndef test_it():\n    pytest.skip('later')\n",
    "in a fixture": (
        "import pytest\n\n@pytest.fixture\ndef part():\n    pytest.skip('later')\n\n"
        "def test_it(part): ...\n"
    ),
    "whole file": "import pytest\n\npytest.skip('later', allow_module_level=True)\n",
}
XFAIL = "import pytest\n\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


def _run(folder: Path, test: str, ci: str | None) -> subprocess.CompletedProcess[str]:
    (folder / "test_small.py").write_text(test)
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    variables |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **({} if ci is None else {"CI": ci})}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.no_skip", "-p", "no:cacheprovider", folder],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("way", SKIPPING)
def test_a_skip_fails_the_run_in_ci_and_keeps_its_reason(way: str, tmp_path: Path) -> None:
    done = _run(tmp_path, SKIPPING[way], "true")
    assert done.returncode != 0
    assert "CI skips nothing: " in done.stdout
    assert "later" in done.stdout


@pytest.mark.parametrize("ci", [None, "", "false"])
def test_a_skip_outside_ci_passes(ci: str | None, tmp_path: Path) -> None:
    assert _run(tmp_path, SKIPPING["marked"] + "\ndef test_b(): ...\n", ci).returncode == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert _run(tmp_path, XFAIL, "true").returncode == 0
