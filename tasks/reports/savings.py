"""How much smaller a variant is than its source, as text."""

_NEARLY_ALL_PERCENT = 99


def saving(source_bytes: int | None, variant_bytes: int) -> str:
    """Return a percentage such as "91 %" or "99.7 %"; empty when the source is unknown."""
    if not source_bytes:
        return ""
    percent = 100 * (1 - variant_bytes / source_bytes)
    return f"{percent:.1f} %" if percent > _NEARLY_ALL_PERCENT else f"{percent:.0f} %"
