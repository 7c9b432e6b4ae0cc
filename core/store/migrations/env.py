"""Alembic's entry: run the steps on the connection that core/store/upgrade.py hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
