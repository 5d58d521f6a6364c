"""Writes numbers, sizes and lengths of time for people, on pages and in the terminal."""

_KIBIBYTE = 1024
_THOUSAND_SEPARATOR = "\u202f"  # narrow, and no line ends there
_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400


def human_bytes(count: int) -> str:
    """Return a size for people, in binary units."""
    if count < _KIBIBYTE:
        return f"{count} B"
    if count < _KIBIBYTE**2:
        return f"{count / _KIBIBYTE:.1f} KiB"
    if count < _KIBIBYTE**3:
        return f"{count / _KIBIBYTE**2:.2f} MiB"
    return f"{count / _KIBIBYTE**3:.2f} GiB"


def human_number(count: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{round(count):,}".replace(",", _THOUSAND_SEPARATOR)


def human_duration(seconds: float) -> str:
    """Return a length of time in its largest two units, such as "3 min 20 s"."""
    whole = round(seconds)
    for unit_seconds, unit, smaller_seconds, smaller in (
        (_SECONDS_PER_DAY, "d", _SECONDS_PER_HOUR, "h"),
        (_SECONDS_PER_HOUR, "h", _SECONDS_PER_MINUTE, "min"),
        (_SECONDS_PER_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit_seconds:
            rest = whole % unit_seconds // smaller_seconds
            return f"{whole // unit_seconds} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds:.1f} s" if seconds < 1 else f"{whole} s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as "1 image" or "3 images"."""
    return f"{human_number(count)} {one if count == 1 else many or one + 's'}"
