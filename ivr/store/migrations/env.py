"""Alembic's entry: the connection comes from `ivr.store.database`, so that migrations run inside its transaction."""

from alembic import context

from ivr.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
