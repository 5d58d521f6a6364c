"""Alembic migrations: one for each change of the models."""
