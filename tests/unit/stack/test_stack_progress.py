"""Progress: one line each, carried through a file to whoever waits in another process."""

from pathlib import Path

from infra.stack.supervisor.log_tail import log_files, tail
from infra.stack.supervisor.part import PartState, Progress
from infra.stack.supervisor.process import last_lines
from infra.stack.supervisor.progress import describe, into_file, new_lines

DEATH = Progress("api", PartState.DIED, 1.25, "exit code 3", ("one", "two"))


def test_a_line_names_part_state_and_seconds() -> None:
    line = describe(Progress("postgres", PartState.READY, 1.84))
    assert line.split() == ["postgres", "ready", "1.8", "s"]


def test_progress_travels_through_the_file_unchanged(tmp_path: Path) -> None:
    told: list[Progress] = []
    report = into_file(tmp_path / "progress.jsonl", told.append)
    report(DEATH)
    with (tmp_path / "progress.jsonl").open() as file:
        assert list(new_lines(file)) == [DEATH] == told
        report(Progress("api", PartState.READY, 1.0))
        assert [progress.state for progress in new_lines(file)] == [PartState.READY]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    into_file(path, lambda _: None)(DEATH)
    whole = path.read_text()
    path.write_text(whole[:20])
    with path.open() as file:
        assert list(new_lines(file)) == []
        path.write_text(whole)
        assert list(new_lines(file)) == [DEATH]


def test_the_last_lines_of_a_log_start_where_the_process_did(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("before\n")
    start = log.stat().st_size
    log.write_text("before\n1\n2\n3\n")
    assert last_lines(log, 2, start_byte=start) == ("2", "3")
    assert last_lines(log, 9, start_byte=start) == ("1", "2", "3")


def test_logs_are_shown_with_the_name_of_their_part(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("hello\n")
    lines = list(tail(log_files(tmp_path, None), 5))
    assert [(line.part, line.text) for line in lines] == [("api", "hello")]
