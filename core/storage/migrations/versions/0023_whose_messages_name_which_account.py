"""whose messages name which account."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_OF_GROUP_CALLS = """
    INSERT INTO profile_accounts (space_id, group_id, profile_id)
    SELECT DISTINCT calls.space_id, calls.group_id, messages.profile_id
    FROM group_calls AS calls
    JOIN profile_messages AS messages
        ON messages.space_id = calls.space_id AND messages.log_offset = calls.log_offset
"""


def upgrade() -> None:
    """Go from the revision before to this one.

    What group calls named is known at once; what other messages named, once the profiles are built anew.
    """
    op.create_table(
        "profile_accounts",
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "group_id", "profile_id", name=op.f("pk_profile_accounts")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_profile_accounts_space_id_profile_id"), "profile_accounts", ["space_id", "profile_id"])
    op.execute(_OF_GROUP_CALLS)


def downgrade() -> None:
    """Migrations go forwards only: a backup is a copy of the folder."""
    raise NotImplementedError
