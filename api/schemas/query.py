"""Values from callers that PostgreSQL can hold, or compare with what it holds."""

from infra.db.storable import Line, Lines, LineText, Moment, Sku, SkuFilter, Storable, StorableText

__all__ = ["Line", "LineText", "Lines", "Moment", "Sku", "SkuFilter", "Storable", "StorableText"]
