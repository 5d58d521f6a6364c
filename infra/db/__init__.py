"""PostgreSQL: engine, transactions, errors, advisory locks; the tables are in `models`.

The only home of SQLAlchemy besides the queries in `tasks`. Start reading at `engine.py`.
"""
