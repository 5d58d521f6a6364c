"""`make-env.sh` writes each secret that docker-compose.yml asks for, for its owner only."""

import re
import stat
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "infra" / "docker" / "make-env.sh"
REQUIRED = re.compile(r"\$\{(?P<name>[A-Z0-9_]+):\?")


def run(folder: Path) -> dict[str, str]:
    """Run the script in a folder; return what its `.env` then says."""
    subprocess.run(["/bin/sh", SCRIPT], cwd=folder, check=True, capture_output=True)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_writes_exactly_what_the_containers_ask_for(tmp_path: Path) -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    asked = {match["name"] for match in REQUIRED.finditer(compose)}
    assert run(tmp_path).keys() == asked


def test_every_secret_is_its_own_long_and_fit_for_a_url(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    values = [*run(first).values(), *run(second).values()]
    assert len(set(values)) == len(values)
    assert [v for v in values if not re.fullmatch(r"(admin:)?[0-9a-f]{20,}", v)] == []


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o644)
    run(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WORKERS=4\nRABBITMQ_PASSWORD=chosen", encoding="utf-8")
    first = run(tmp_path)
    assert (first["WORKERS"], first["RABBITMQ_PASSWORD"]) == ("4", "chosen")
    assert run(tmp_path) == first
