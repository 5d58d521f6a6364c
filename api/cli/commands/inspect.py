"""`product-images inspect FILE…`: show which variants files would give, without a stack.

The images go through a pixel process, as a worker's do: a hostile file cannot hurt the shell.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from api.cli.inspection import Inspection, Refusal, inspect_file
from api.cli.views.inspect_page import write_page
from api.cli.views.inspect_table import as_document, print_inspection
from api.cli.views.json_output import write_json
from api.cli.views.terminal import Terminal
from infra.settings.sections import DecoderSettings, PixelSettings, PresetSettings
from tasks.imaging.presets.catalogue import load_presets
from tasks.imaging.presets.model import Preset
from tasks.pixels.decoder_check import require_safe_decoders
from tasks.pixels.pool import PixelPool

_out = Terminal(highlight=False)
_err = Terminal(stderr=True, highlight=False)


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Image files.")],
    preset: Annotated[str, typer.Option(metavar="NAME", help="The preset to apply.")] = "web",
    html: Annotated[
        Path | None,
        typer.Option(metavar="PAGE.html", help="Also write an HTML page with the results."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Show which variants files would give; exit status 1 if one is refused."""
    _require_usable(files, html)
    policy = load_presets(PresetSettings.load().file).named(preset)
    results: list[Inspection | Refusal] = []
    with TemporaryDirectory(prefix="product-images-") as directory:
        for result in _inspect_all(files, Path(directory), policy, with_view=html is not None):
            results.append(result)
            if not as_json:
                _say(result)
        made = [each for each in results if isinstance(each, Inspection)]
        if html is not None and made:
            write_page(made, policy.name, html)
    if as_json:
        write_json(as_document(results))
    elif html is not None and made:
        _out.print(f"\nPage: [bold]{html.resolve().as_uri()}[/]", soft_wrap=True)
    if len(made) < len(results):
        raise typer.Exit(1)


def _require_usable(files: Sequence[Path], html: Path | None) -> None:
    """Stop before any work when a name is wrong."""
    for path in files:
        if not path.is_file():
            raise typer.BadParameter(f"{path} is not a file.")
        if not os.access(path, os.R_OK):
            raise typer.BadParameter(f"{path} may not be read by you.")
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise typer.BadParameter(f"{html} cannot be written: name a file in a folder that exists.")


def _inspect_all(
    files: Sequence[Path], directory: Path, preset: Preset, *, with_view: bool
) -> Iterator[Inspection | Refusal]:
    """Yield each file's result; one after the other, so that the seconds are each file's own."""
    decoders = require_safe_decoders(DecoderSettings.load())
    with PixelPool(PixelSettings.load(processes=1), decoders) as pool:
        for number, file in enumerate(files):
            target = directory / str(number)
            with _err.status(f"{file.name} …"):
                result = inspect_file(pool, file, target, preset=preset, with_view=with_view)
            yield result


def _say(result: Inspection | Refusal) -> None:
    if isinstance(result, Inspection):
        print_inspection(_out, result)
    else:
        line = f"{result.file}: {result.detail} ({result.code})"
        _err.print(line, style="red", markup=False, soft_wrap=True)
