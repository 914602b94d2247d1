"""identifiers have a key of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    with op.batch_alter_table("identifier_rules") as batch_op:
        batch_op.add_column(sa.Column("key", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("in_properties", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Migrations go forwards only: a backup is a copy of the folder."""
    raise NotImplementedError
