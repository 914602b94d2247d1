"""Every table of the state store. SQLAlchemy Core; the same on SQLite and Postgres."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

from core.clock import from_millis, to_millis

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as milliseconds since 1970 so that both engines agree to the digit."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return milliseconds."""
        return None if value is None else to_millis(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware UTC datetime."""
        return None if value is None else from_millis(value)


Document = JSON().with_variant(JSONB(), "postgresql")
RowId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in an INTEGER column

# -- workspaces ------------------------------------------------------------------------------------------------
workspaces = Table(
    "workspaces",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("access", Text, nullable=False),  # none, requested, accepted
    Column("requested_at", UtcTime),
    Column("accepted_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("keep_events_days", Integer),  # NULL: for ever
)
spaces = Table(
    "spaces",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # dev, prod
    Column("created_at", UtcTime, nullable=False),
    Column("max_merges", Integer),  # of one profile; NULL: the default
    Column("max_identifiers", Integer),  # of one profile; NULL: the default
)
space_sources = Table(
    "space_sources",
    METADATA,
    Column("space_id", Text, ForeignKey("spaces.id"), primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("connected_at", UtcTime, nullable=False),
    Column("spans", Text, nullable=False, server_default="[[0,null]]"),  # JSON: [after this offset, up to this one]
    Column("replays", Integer, nullable=False, server_default="0"),  # grows when the profiles must be built anew
)
event_filters = Table(
    "event_filters",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # FQL
    Column("spans", Text, nullable=False),  # as those of space_sources; kept once it is removed, for rebuilds
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Index(None, "space_id"),
)
profile_tokens = Table(
    "profile_tokens",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("last_chars", Text, nullable=False),  # so that a person can tell which one a program uses
    Column("may_delete", Boolean, nullable=False, server_default=false()),  # identifiers; all tokens may read
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)
profile_api_settings = Table(
    "profile_api_settings",
    METADATA,
    Column("space_id", Text, ForeignKey("spaces.id"), primary_key=True),
    Column("requests_per_s", Integer, nullable=False),
    Column("frame_origins", Document, nullable=False),  # pages that may show the Flex view in a frame
)
secrets = Table(
    "secrets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
audit_entries = Table(
    "audit_entries",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),  # created, updated, deleted, enabled, started, ...
    Column("object_type", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("before", Document),
    Column("after", Document),
    Index(None, "object_type", "object_id"),
)
leases = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),  # grows with each holder: a fencing token
    Column("expires_at", UtcTime, nullable=False),
)

# -- sources, warehouses, destinations -------------------------------------------------------------------------
sources = Table(
    "sources",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("write_key", Text, unique=True),
    Column("warehouse_id", Text),
    Column("enabled", Boolean, nullable=False),
    Column("protected", Boolean, nullable=False),  # made by the setup: cannot be edited or deleted
    Column("settings", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("old_write_key", Text, unique=True),  # the one before the last rotation
    Column("old_key_until", UtcTime),  # it is taken until then
    Column("secret_id", Text),
)
suppressed_users = Table(
    "suppressed_users",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
)
regulations = Table(
    "regulations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("prints", Document, nullable=False),  # of the user ids, one-way: a deletion must not keep whom it deleted
    Column("subject", Document),  # the persons' values while they are needed; NULL once everything is deleted
    Column("requested_at", UtcTime, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("receipt", Document, nullable=False),
    Column("error", Document),
    Index(None, "status"),
)
warehouses = Table(
    "warehouses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("settings", Document, nullable=False),
    Column("secret_id", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("tested_at", UtcTime),
)
destinations = Table(
    "destinations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

# -- SQL models and syncs --------------------------------------------------------------------------------------
sql_models = Table(
    "sql_models",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("warehouse_id", Text, nullable=False),
    Column("sql", Text, nullable=False),
    Column("key_column", Text, nullable=False),
    Column("columns", Document, nullable=False),  # [{name, type}] as last seen
    Column("version", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
syncs = Table(
    "syncs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("sql_model_id", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("destination_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("mode", Text, nullable=False),  # add, update, upsert, delete, mirror
    Column("mapping", Document, nullable=False),
    Column("interval_minutes", Integer),  # null: manual only
    Column("enabled", Boolean, nullable=False),
    Column("next_run_at", UtcTime),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
sync_runs = Table(
    "sync_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sync_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trigger", Text, nullable=False),  # manual, schedule, first, confirmed
    Column("requested_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("cancel_reason", Text),  # set: a person asked the run to stop
    Column("resumed", Integer, nullable=False, default=0),
    Column("progress", Document, nullable=False),
    Column("sheet", Document),
    Column("error", Document),
    Index(None, "sync_id", "requested_at"),
    Index(None, "state"),
)

# -- setup and checks ------------------------------------------------------------------------------------------
setups = Table(
    "setups",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("branch", Text),
    Column("confirmed_at", UtcTime),
    Column("state", Document, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
check_runs = Table(
    "check_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("state", Text, nullable=False),  # running, passed, warning, failed
    Column("results", Document, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the configuration that was checked
)

# -- identity, traits, profiles --------------------------------------------------------------------------------
identifier_rules = Table(
    "identifier_rules",
    METADATA,
    Column("space_id", Text, ForeignKey("spaces.id"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("value_limit", Integer, nullable=False),
    Column("period", Text, nullable=False),  # ever, daily, weekly, monthly, annually
    Column("blocked", Document, nullable=False),  # {"exact": [...], "patterns": [...]}
    Column("custom", Boolean, nullable=False),
    Column("external_only", Boolean, nullable=False, default=False),  # added by itself; found in externalIds only
    Column("key", Text),  # of the trait or property that a custom one is read from; null: its type
    Column("in_properties", Boolean, nullable=False, server_default=false()),  # of email: properties.email counts too
    Column("created_at", UtcTime, nullable=False),
)
computed_traits = Table(
    "computed_traits",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("definition", Document, nullable=False),
    Column("computed_to", BigInteger),  # offset that the trait's history is computed to; null: to be computed
    Column("created_at", UtcTime, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("updated_at", UtcTime),  # of the definition
    Column("progress", Float),  # part of the history that is computed, 0 to 1; null: none is being computed
    Column("failure", Text),  # why it cannot be computed
    UniqueConstraint("space_id", "key"),
)
reader_offsets = Table(
    "reader_offsets",
    METADATA,
    Column("reader", Text, primary_key=True),
    Column("log_offset", BigInteger, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("failure", Text),  # JSON: why it does not get on, and since when; whoever saves its offset takes it away
)
profiles = Table(
    "profiles",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),  # ms, the time of the message that made it
    Column("created_offset", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),  # ms, the newest message applied
    Column("merged_into", Text),
    Column("merge_count", Integer, nullable=False, default=0),
    Column("traits", Text, nullable=False),  # JSON: key -> [value, timestamp ms, log offset, computed trait id | null]
)
profile_changes = Table(
    "profile_changes",
    METADATA,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("space_id", Text, nullable=False),
    Column("profile_ids", Text, nullable=False),  # JSON: the profiles that a batch wrote
    Index(None, "space_id", "seq"),
)
profile_versions = Table(
    "profile_versions",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),  # one more with every transaction that writes profiles
)
identifiers = Table(
    "identifiers",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("source_id", Text, nullable=False),
    Index(None, "space_id", "profile_id"),
)
profile_messages = Table(
    "profile_messages",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("profile_id", Text, nullable=False),  # as resolved then; a merge does not rewrite it
    Column("type", Text, nullable=False),
    Index(None, "space_id", "profile_id", "log_offset"),
)
profile_accounts = Table(
    "profile_accounts",  # whose messages named which account
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),  # as resolved then; a merge does not rewrite it
    Index(None, "space_id", "profile_id"),
    sqlite_with_rowid=False,
)
account_traits = Table(
    "account_traits",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text),  # JSON; null: what set it says no more
    Column("at", BigInteger, nullable=False),  # ms, when that was delivered
    Column("sync_id", Text),  # of the SQL traits that set it last; null: left by a computed trait that was deleted
    sqlite_with_rowid=False,
)
group_calls = Table(
    "group_calls",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
merges = Table(
    "merges",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("merged_id", Text, primary_key=True),
    Column("survivor_id", Text, nullable=False),
    Column("reason", Text, nullable=False),  # JSON: the identifiers that tied the two, and why this one survived
    Column("at", BigInteger, nullable=False),
    Index(None, "space_id", "survivor_id"),
)
violations = Table(
    "violations",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("profile_id", Text),
    Column("identifier_type", Text),  # what was left out of the message, as it was compared
    Column("identifier_value", Text),
    Index(None, "space_id", "identifier_type", "identifier_value"),
    Index(None, "space_id", "profile_id"),
)
kept_apart = Table(
    "kept_apart",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("survivor_id", Text, primary_key=True),  # as they were in the merge that was undone
    Column("merged_id", Text, primary_key=True),
    Column("log_offset", BigInteger, nullable=False),  # of the message that had merged them
    Column("reason", Text, nullable=False),  # JSON, the reason of that merge
    Column("merged_at", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
)
undo_jobs = Table(
    "undo_jobs",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("survivor_id", Text, primary_key=True),  # as in the merge that is undone, or was
    Column("merged_id", Text, primary_key=True),
    Column("act", Text, nullable=False),  # undo, rejoin
    Column("requested_at", UtcTime, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("starts", Integer, nullable=False),  # that did not come to their end
    Column("progress", Document, nullable=False),
    Column("error", Document),  # why it failed; a job that is done has no row
)
deleted_identifiers = Table(
    "deleted_identifiers",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),  # messages up to it bring it no more
    Column("profile_id", Text, nullable=False),  # who had it then
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Index(None, "space_id", "log_offset"),
)
profile_counts = Table(
    "profile_counts",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),  # since 1970, of when messages were received
    Column("source_id", Text, primary_key=True),
    Column("reached", BigInteger, nullable=False),  # messages that reached a profile
    Column("dropped", BigInteger, nullable=False),  # messages that a rule or a filter kept out
    Column("unread", BigInteger, nullable=False, server_default="0"),  # passed while the source was disconnected
    sqlite_with_rowid=False,
)
filter_counts = Table(
    "filter_counts",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("filter_id", Text, primary_key=True),
    Column("dropped", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),  # of the newest message that it dropped
    sqlite_with_rowid=False,
)
trait_states = Table(
    "trait_states",
    METADATA,
    Column("space_id", Text, primary_key=True),
    Column("trait_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),  # or an account, as group_id:value
    Column("state", Text, nullable=False),  # JSON, by kind
    Column("has_value", Integer, nullable=False, server_default="0"),  # 1: the state gave a value when it was saved
    Column("due_at", BigInteger),  # ms, when the value may change by itself; null: never
    sqlite_with_rowid=False,
)
Index(
    "ix_trait_states_due",
    trait_states.c.space_id,
    trait_states.c.due_at,
    sqlite_where=trait_states.c.due_at.is_not(None),
    postgresql_where=trait_states.c.due_at.is_not(None),
)

# -- profiles sync ---------------------------------------------------------------------------------------------
profiles_syncs = Table(
    "profiles_syncs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False, unique=True),
    Column("warehouse_id", Text, ForeignKey("warehouses.id"), nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("interval_minutes", Integer),  # null: manual only
    Column("next_run_at", UtcTime),
    Column("log_offset", BigInteger, nullable=False),  # messages up to this one are written
    Column("is_whole", Boolean, nullable=False, server_default=false()),  # nothing beyond log_offset is written
    Column("profiles_version", BigInteger),  # of the profiles as they were written; null: not all are
    Column("events_offset", BigInteger),  # track calls up to this one are in tables of their events; null: all are
    Column("created_at", UtcTime, nullable=False),
)
profiles_sync_runs = Table(
    "profiles_sync_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sync_id", Text, nullable=False),
    Column("trigger", Text, nullable=False),  # manual, schedule
    Column("state", Text, nullable=False),  # running, succeeded, failed, interrupted
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("rows", Document, nullable=False),  # table -> rows written
    Column("notes", Document),  # sentences: what found no place in a table
    Column("error", Document),
    Index(None, "sync_id", "started_at"),
)
profiles_sync_prints = Table(
    "profiles_sync_prints",
    METADATA,
    Column("sync_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),
    Column("print", BigInteger, nullable=False),  # of the profile as it was written last
    sqlite_with_rowid=False,
)

profiles_sync_changes = Table(
    "profiles_sync_changes",
    METADATA,
    Column("sync_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),  # that may differ from what was written; empty: any may
    Column("version", BigInteger, nullable=False),  # of the space's profiles when that was kept
    sqlite_with_rowid=False,
)

# -- predictions -----------------------------------------------------------------------------------------------
predictions = Table(
    "predictions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("kind", Text, nullable=False),  # churn, lifetime_value, purchase, custom_goal
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("definition", Document, nullable=False),
    Column("job", Text),  # train, score; null: nothing to do
    Column("as_of", UtcTime),
    Column("number", Integer, nullable=False),
    Column("requested_at", UtcTime),
    Column("started_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("progress", Document, nullable=False),
    Column("learned", Text),  # JSON: what scoring needs; see core.predictions.learned
    Column("report", Document, nullable=False),
    Column("error", Document),
    Column("score_every_days", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("trained_at", UtcTime),
    Column("scored_at", UtcTime),
    Column("retrain_at", UtcTime),
    Column("rescore_at", UtcTime),
    UniqueConstraint("space_id", "key"),
)
