"""How Alembic reaches the database: through the connection that `schema.bring_up_to_date` hands over."""

from alembic import context

from ironworks.database import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
