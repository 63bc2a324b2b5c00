"""The revisions; Alembic reads them one by one."""
