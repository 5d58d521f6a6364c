"""`product-images inspect FILE…`: show which variants files would give, without a stack.

The images go through a pixel process, as a worker's do: a hostile file cannot hurt the shell.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from api.cli.inspection import Inspection, Refusal, inspect_file
from api.cli.options import Json, require_readable
from api.cli.views.inspect_page import write_page
from api.cli.views.inspect_table import as_document, print_inspection
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from infra.settings.sections import DecoderSettings, PixelSettings, PresetSettings
from tasks.imaging.presets.catalogue import load_presets
from tasks.pixels.decoder_check import require_safe_decoders
from tasks.pixels.pool import PixelPool


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Image files.")],
    preset: Annotated[str, typer.Option(metavar="NAME", help="The preset to apply.")] = "web",
    html: Annotated[
        Path | None,
        typer.Option(metavar="PAGE.html", help="Also write an HTML page with the results."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which variants files would give; exit status 1 if one is refused."""
    for path in files:
        require_readable(path, "is not a file")
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise typer.BadParameter(f"{html} cannot be written: name a file in a folder that exists.")
    policy = load_presets(PresetSettings.load().file).named(preset)
    results: list[Inspection | Refusal] = []
    decoders = require_safe_decoders(DecoderSettings.load())
    with (
        TemporaryDirectory(prefix="product-images-") as directory,
        PixelPool(PixelSettings.load(processes=1), decoders) as pool,
    ):
        # One after the other, so that the seconds are each file's own.
        for number, file in enumerate(files):
            target, with_view = Path(directory) / str(number), html is not None
            with err.status(f"{file.name} …"):
                result = inspect_file(pool, file, target, preset=policy, with_view=with_view)
            results.append(result)
            if as_json:
                continue
            if isinstance(result, Inspection):
                print_inspection(out, result)
            else:
                line = f"{result.file}: {result.detail} ({result.code})"
                err.print(line, style="red", markup=False, soft_wrap=True)
        made = [each for each in results if isinstance(each, Inspection)]
        if html is not None and made:
            write_page(made, policy.name, html)
    if as_json:
        write_json(as_document(results))
    elif html is not None and made:
        out.print(f"\nPage: [bold]{html.resolve().as_uri()}[/]", soft_wrap=True)
    if len(made) < len(results):
        raise typer.Exit(1)
