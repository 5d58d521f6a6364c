"""Which revisions of the schema are outdated is read from the migrations' text, as Alembic does."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from infra.db.schema import MIGRATIONS, replaced_revisions

FILES = {
    "v0001_first.py": 'revision = "0001"\ndown_revision = None\n',
    "v0002_second.py": 'revision: str = "0002"\ndown_revision: str | None = "0001"\n',
    "v0003_other.py": "revision = '0003'\ndown_revision = '0001'\n",
    "v0004_merge.py": 'revision = "0004"\ndown_revision = ("0002", "0003")\n',
}


def _alembics(folder: Path) -> frozenset[str]:
    """Return every revision but the newest, as the migration tool itself says."""
    config = Config()
    config.set_main_option("script_location", str(folder.parent))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    return frozenset(known) - set(scripts.get_heads())


def test_a_revision_that_another_one_builds_upon_is_outdated(tmp_path: Path) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)

    assert replaced_revisions(folder) == {"0001", "0002", "0003"} == _alembics(folder)


def test_the_projects_own_revisions_are_read_as_the_migration_tool_reads_them() -> None:
    assert replaced_revisions(MIGRATIONS) == _alembics(MIGRATIONS)
