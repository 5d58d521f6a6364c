"""Values from callers that PostgreSQL can hold, or compare with what it holds."""

from infra.storable import Moment, Sku, SkuFilter, Storable, StorableText

__all__ = ["Moment", "Sku", "SkuFilter", "Storable", "StorableText"]
