"""The database's migrations, for Alembic."""
