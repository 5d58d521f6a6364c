"""Control characters are refused where texts come in, and escaped where old ones are shown."""

import io
import logging
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from rich.table import Table
from rich.text import Text

from api.cli.views.terminal import Terminal
from api.imports.build import RowRules, row_of
from api.imports.columns import FileRules
from api.imports.record import Record
from api.schemas.product_requests import NewProduct, PictureEntry, ProductChange
from api.schemas.submissions import ProcessImageRequest, UrlRules
from infra import logs
from infra.contract.errors import Rejected
from infra.settings.sections import ApiSettings, FetchSettings
from tasks.imports.row import BadRow

STEERING = ("\x1b[2J", "\x07", "a\x9b31m", "\x7f", "a\x85b", "a\u2028b", "\x00")
FIELDS: tuple[tuple[type[BaseModel], str], ...] = (
    *((ProcessImageRequest, "sku"), (NewProduct, "sku"), (ProductChange, "sku")),
    *((ProductChange, "name"), (ProductChange, "owner_id"), (ProductChange, "description")),
)


@pytest.mark.parametrize("text", STEERING)
@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_a_field_with_a_control_character_is_refused_by_name(
    model: type[BaseModel], name: str, text: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({name: text})

    assert (name,) in [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize("text", STEERING)
def test_metadata_and_alternative_texts_are_looked_through(text: str) -> None:
    for members in ({"metadata": {"a": [text]}}, {"metadata": {text: 1}}):
        for model in (ProcessImageRequest, NewProduct):
            with pytest.raises(ValidationError):
                model.model_validate(members)
    with pytest.raises(ValidationError):
        PictureEntry.model_validate({"url": "x", "alt": text})


def test_a_name_has_one_line_and_a_description_may_have_several() -> None:
    with pytest.raises(ValidationError):
        ProductChange(name="a\nb")
    lines = "a\n\tb\r\nc"
    assert ProductChange(description=lines).description == lines
    assert ProductChange(name="Größe 42 \u202f 日本").name


@pytest.mark.parametrize("field", ["sku", "name", "metadata"])
def test_an_imported_row_keeps_the_same_rule(field: str) -> None:
    values: dict[str, Any] = {"sku": "A", field: {"a": "\x1b"} if field == "metadata" else "a\x1bb"}

    api = ApiSettings()
    urls = UrlRules.of(api, FetchSettings())
    rules = RowRules(api, urls, FileRules(), has_profile=False)
    row = row_of(Record(2, values, {name: name for name in values}), rules)

    assert isinstance(row, BadRow)
    assert row.problems[0].column == field
    assert "U+001B" in row.problems[0].detail


def test_the_log_writes_what_stands_in_tables_as_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logs.sys, "stderr", written)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.configure_logs()
    logs.structlog.get_logger("test").warning("stored", sku="a\x1b[2Jb\nforged", name="x")
    logging.getLogger("library").warning("a\x1b[2Jb")
    logs.structlog.reset_defaults()  # else loggers of other tests keep what is configured here

    assert "\x1b" not in written.getvalue()
    assert "\nforged" not in written.getvalue()
    assert "\\x1b[2J" in written.getvalue()


def test_a_terminal_is_not_steered_by_what_a_command_shows() -> None:
    written = io.StringIO()
    terminal = Terminal(file=written, force_terminal=True, width=80, highlight=False)
    table = Table("sku")
    table.add_row(Text("a\x1b[2Jb\x9b"))
    terminal.print(table)
    terminal.print("plain \x1b]0;title\x07", style="red", markup=False)

    shown = written.getvalue()
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown
    assert "\x9b" not in shown
    assert "a\\x1b" in shown  # cut at the width that was measured before


def test_a_rejection_is_no_error_of_ours() -> None:
    from api.schemas.submissions import ProcessImageRequest, parsed

    members = {"sku": "\x1b", "image_url": "https://supplier.example/a.jpg"}
    with pytest.raises(Rejected, match="sku: has a control character"):
        parsed(ProcessImageRequest, members)
