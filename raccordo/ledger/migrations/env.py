"""What Alembic runs: the migrations, inside the transaction and on the connection that the ledger hands over."""

from alembic import context

from raccordo.ledger.schema import VERSION_TABLE
from raccordo.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
