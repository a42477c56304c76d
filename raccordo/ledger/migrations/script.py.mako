"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of version ${down_revision}."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Refused: a ledger goes back by its backup."""
    raise NotImplementedError("a ledger goes back by its backup")
