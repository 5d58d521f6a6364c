"""Real pictures to measure on: desktop photographs that Debian packages, and products on white.

They are fetched once, into .local/, and never committed. Two sets that share no picture: one to
fit the likeness on, one to judge it by.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from tests.pictures import SAMPLE

DIRECTORY = Path(".local/photographs")
_PACKAGES = (
    "plasma-workspace-wallpapers",
    "gnome-backgrounds",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
    "ukui-wallpapers",
)
_PLASMA = (
    *("BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf"),
    *("Grey", "Kite", "OneStandsOut", "Path", "summer_1am"),
)
_LOMIRI = (
    *("Bridge", "Dragonfly", "Kleiber", "Picture_0B", "Picture_1A", "Wine", "aitzgorri"),
    *("free_by", "friends", "greentock", "life", "picosdeeuropa", "seeding", "sunset_"),
)
_MATE = (
    *("Aqua", "Blinds", "Dune", "Garden", "GreenMeadow", "LadyBird", "RainDrops", "Storm"),
    *("TwoWings", "Wood", "YellowFlower"),
)
_DRAWN = (  # drawings, renderings and textures: to fit on only
    "wallpapers/Autumn/contents/images/2560x1600.jpg",
    "wallpapers/Volna/contents/images/5120x2880.jpg",
    "wallpapers/Flow/contents/images/5120x2880.jpg",
    "wallpapers/Patak/contents/images/5120x2880.png",
    "wallpapers/SafeLanding/contents/images/5120x2880.jpg",
    "backgrounds/analogpattern_by_Peter_Nerlich.jpg",
    "backgrounds/rhythm.jpg",
    "backgrounds/mate/abstract/Elephants_3840x2160.jpg",
    "backgrounds/Infinite-Sea_by_Aury88.jpg",
    "backgrounds/gnome/wood-l.webp",
)
_FURTHER = (  # the rest that these packages have, of any kind: to fit on only
    *(f"backgrounds/{name}" for name in ("2004default.jpg", "calla.png", "firstgeneration.jpg")),
    *(f"backgrounds/{name}" for name in ("fluent-color.png", "focal-ubuntukylin.png")),
    *(f"backgrounds/{name}" for name in ("goldfish.png", "string.jpg", "the-mouse.jpg")),
    "backgrounds/Fossa_by_Jasper_Roks.jpg",
    "backgrounds/Painting-Colors_by__herobrine7gamer.jpg",
    "backgrounds/umang_by_Abhishek_Mudgal.jpg",
    *(f"backgrounds/gnome/{name}-l.webp" for name in ("adwaita", "grid", "licorice", "pixels")),
    *(f"backgrounds/gnome/{name}-l.webp" for name in ("symbolic", "truchet")),
    *(f"backgrounds/mate/abstract/{name}.png" for name in ("Flow", "Gulp", "Silk", "Waves")),
    "backgrounds/mate/abstract/Arc-Colors-Transparent-Wallpaper.png",
    *(f"backgrounds/mate/desktop/{name}.png" for name in ("Float-into-MATE", "Stripes")),
    *(f"backgrounds/mate/desktop/MATE-Stripes-{name}.png" for name in ("Dark", "Light")),
    *(
        f"backgrounds/mate/desktop/Ubuntu-Mate-{name}-no-logo.png"
        for name in ("Cold", "Dark", "Radioactive", "Warm")
    ),
    *(f"wallpapers/{name}/contents/images/5120x2880.png" for name in ("Altai", "IceCold", "Kay")),
    *(f"wallpapers/{name}/contents/images/3840x2160.png" for name in ("Canopee", "Cascade")),
    *(f"wallpapers/{name}/contents/images/3840x2160.png" for name in ("Cluster", "Kokkini")),
    "wallpapers/Elarun/contents/images/2560x1600.png",
    *(f"wallpapers/{name}/contents/images/5120x2880.jpg" for name in ("Honeywave", "Shell")),
    "wallpapers/MilkyWay/contents/images/5120x2880.png",
    "wallpapers/Opal/contents/images/3840x2160.png",
    "wallpapers/PastelHills/contents/images/3200x2000.jpg",
)
_CANVAS_PX = 1600
_SHARES = (0.45, 0.6, 0.75)  # of the canvas that a cut-out takes


def bench_pictures() -> list[tuple[str, Image.Image]]:
    """Return 25 photographs and 10 products on white: names, and pictures 1,600 px wide."""
    photographs = [*_plasma(_PLASMA), *_lomiri()]
    return [*_opened(photographs), *_cutouts(photographs[::3]), ("sample", _sample())]


def fitting_pictures() -> list[tuple[str, Image.Image]]:
    """Return what the likeness is fitted on: names, and pictures 1,600 px wide.

    That is 11 photographs, 53 drawings, renderings and more photographs, 11 products on white. None
    of them lies across its box, with much ground beside it: of those SSIMULACRA2, given the box,
    counts ground that a sample leaves out.
    """
    photographs = [_share() / f"backgrounds/mate/nature/{name}.jpg" for name in _MATE]
    others = [_share() / name for name in (*_DRAWN, *_FURTHER)]
    return [*_opened([*photographs, *others]), *_cutouts(photographs)]


def _plasma(names: tuple[str, ...]) -> list[Path]:
    return [_share() / f"wallpapers/{name}/contents/images/2560x1600.jpg" for name in names]


def _lomiri() -> list[Path]:
    folder = _share() / "backgrounds"
    return [next(iter(sorted(folder.glob(f"{name}*.jpg")))) for name in _LOMIRI]


def _share() -> Path:
    """Return the packages' folder of pictures, fetching what is missing."""
    for package in _PACKAGES:
        stamp = DIRECTORY / f"{package}.done"
        if not stamp.exists():
            DIRECTORY.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "-q", "download", package], cwd=DIRECTORY, check=True)
            found = next(DIRECTORY.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", found.name, "."], cwd=DIRECTORY, check=True)
            stamp.touch()
    return DIRECTORY / "usr/share"


def _opened(paths: list[Path]) -> Iterator[tuple[str, Image.Image]]:
    for path in paths:
        name = path.parts[-4] if "contents" in path.parts else path.stem
        with Image.open(path) as image:
            image.draft("RGB", (_CANVAS_PX * 2, _CANVAS_PX * 2))
            yield name, widen(image.convert("RGB"), _CANVAS_PX)


def widen(picture: Image.Image, width: int) -> Image.Image:
    """Return the picture at a width, without the metadata that would count as its bytes."""
    height = round(picture.height * width / picture.width)
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    resized.info.clear()
    return resized


def _cutouts(paths: list[Path]) -> Iterator[tuple[str, Image.Image]]:
    """Yield photographs cut to a shape, with a soft shadow on white, as shops show things."""
    for number, (name, picture) in enumerate(_opened(paths)):
        share = _SHARES[number % len(_SHARES)]
        side = round(_CANVAS_PX * share)
        thing = ImageOps.fit(picture, (side, side * 4 // 5), Image.Resampling.LANCZOS)
        yield f"{name} (cut out)", _on_white(thing, _shape(thing.size, number))


def cut_to_shape(picture: Image.Image, number: int) -> Image.Image:
    """Return a picture RGBA of which a shape is left, its edges soft."""
    share = _SHARES[number % len(_SHARES)]
    side = round(_CANVAS_PX * share)
    thing = ImageOps.fit(picture, (side, side * 4 // 5), Image.Resampling.LANCZOS)
    mask = _shape(thing.size, number).filter(ImageFilter.GaussianBlur(1 + number % 3))
    canvas = Image.new("RGBA", (_CANVAS_PX, _CANVAS_PX))
    thing.putalpha(mask)
    place = ((canvas.width - thing.width) // 2, (canvas.height - thing.height) // 2)
    canvas.paste(thing, place)
    canvas.paste((0, 0, 0, 0), mask=canvas.getchannel("A").point(lambda level: 0 if level else 255))
    return canvas


def _shape(size: tuple[int, int], number: int) -> Image.Image:
    width, height = size[0] * 2, size[1] * 2
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    match number % 3:
        case 0:
            draw.ellipse((4, 4, width - 4, height - 4), fill=255)
        case 1:
            draw.rounded_rectangle((4, 4, width - 4, height - 4), height // 6, fill=255)
        case _:
            top, waist = (width // 2, 4), height * 2 // 5
            foot = [(width * 4 // 5, height - 4), (width // 5, height - 4)]
            draw.polygon([top, (width - 4, waist), *foot, (4, waist)], fill=255)
    return mask.reduce(2)


def _on_white(thing: Image.Image, mask: Image.Image) -> Image.Image:
    size = (_CANVAS_PX, _CANVAS_PX)
    left, top = (_CANVAS_PX - thing.width) // 2, (_CANVAS_PX - thing.height) // 2
    shadow = Image.new("L", size)
    shadow.paste(mask.point(lambda level: level * 90 // 255), (left + 10, top + 30))
    shadow = shadow.filter(ImageFilter.GaussianBlur(25))
    canvas = Image.composite(
        Image.new("RGB", size, (70, 70, 75)), Image.new("RGB", size, "white"), shadow
    )
    canvas.paste(thing, (left, top), mask)
    return canvas


def _sample() -> Image.Image:
    with Image.open(SAMPLE) as image:
        return widen(ImageOps.exif_transpose(image), _CANVAS_PX)
