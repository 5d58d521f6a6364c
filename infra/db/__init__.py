"""PostgreSQL: engine, models. The only home of SQLAlchemy besides the queries in tasks/."""
