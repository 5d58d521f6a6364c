"""What PostgreSQL itself says about a schema, as lines that can be compared."""

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

_BOOKKEEPING = "alembic_version"

_QUERIES = {
    "relation": """
        SELECT concat_ws(' ', relkind, relname)
        FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE :bookkeeping
    """,
    "column": """
        SELECT concat_ws(' ', relname, attname, format_type(atttypid, atttypmod),
                         CASE WHEN attnotnull THEN 'NOT NULL' END,
                         'DEFAULT ' || pg_get_expr(adbin, adrelid),
                         nullif(attidentity, ''), nullif(attgenerated, ''), collname)
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = attrelid AND relkind = 'r'
        LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
        LEFT JOIN pg_collation l ON l.oid = attcollation
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
          AND relname NOT LIKE :bookkeeping
    """,
    "constraint": """
        SELECT concat_ws(' ', relname, conname, contype, pg_get_constraintdef(con.oid, true))
        FROM pg_constraint con
        JOIN pg_class c ON c.oid = conrelid
        WHERE connamespace = 'public'::regnamespace AND relname NOT LIKE :bookkeeping
          AND contype <> 't'  -- a trigger, which only migrations describe
    """,
    "index": """
        SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename NOT LIKE :bookkeeping
    """,
    "type": """
        SELECT concat_ws(' ', typtype, typname) FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e')
    """,
}


def describe_schema(url: str) -> frozenset[str]:
    """Return one line per table, index, column, constraint and own type."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return frozenset(
            f"{kind} {line}"
            for kind, query in _QUERIES.items()
            for line in connection.scalars(text(query), {"bookkeeping": f"{_BOOKKEEPING}%"})
        )
