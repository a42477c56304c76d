"""The ledger's tables, version by version; run by `raccordo.ledger.schema`, written with Alembic."""
