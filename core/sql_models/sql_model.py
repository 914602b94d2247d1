"""The SQL model: one read-only query and the column that names its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, insert, select, update

from core.errors import InvalidField, NotFound, PrimaryKeyMissing, ResultTooLarge, VersionConflict
from core.ids import new_id
from core.sql_models.guard import check_query
from core.sql_models.limits import MAX_COLUMN_NAME_CHARS, MAX_COLUMNS, MAX_KEY_NAME_CHARS
from core.sql_models.other_dialect import explaining_quotes
from core.storage.tables import sql_models
from core.warehouses.definition import ColumnType, Kind
from core.warehouses.registry import open_warehouse
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

MAX_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class SqlModel:
    """One saved SQL model. `columns` are those that the query had when it was saved."""

    id: str
    name: str
    warehouse_id: str
    sql: str
    key_column: str
    columns: tuple[ColumnType, ...]
    version: int
    created_at: datetime
    updated_at: datetime


def save_sql_model(
    workspace: Workspace,
    *,
    name: str,
    warehouse_id: str,
    sql: str,
    key_column: str,
    sql_model_id: str | None = None,
    expected_version: int | None = None,
) -> SqlModel:
    """Guard the query, ask the warehouse for its columns, and save; or change the one with `sql_model_id`.

    Raises:
        NotReadOnly, SqlSyntaxError: The guard refused the text.
        QueryError: The warehouse refused it, or its columns break a limit.
        PrimaryKeyMissing: The key column is not set or not in the result.
        InvalidField: The name is empty or taken.
        VersionConflict: The model was changed since `expected_version`.
    """
    clean = _check_name(workspace, name, sql_model_id)
    with open_warehouse(workspace, warehouse_id) as warehouse:
        query = check_query(sql, warehouse.dialect).sql
        with explaining_quotes(query, warehouse.dialect):
            columns = warehouse.describe(query)
    check_columns(columns)
    key = find_key_column(columns, key_column)
    now = workspace.now()
    values: dict[str, object] = {
        "name": clean,
        "warehouse_id": warehouse_id,
        "sql": sql,
        "key_column": key,
        "columns": [{"name": item.name, "type": item.type, "kind": str(item.kind)} for item in columns],
        "updated_at": now,
    }
    if sql_model_id is not None:
        return _change(workspace, sql_model_id, values, expected_version)
    values |= {"id": new_id("mod", now), "version": 1, "created_at": now}
    with workspace.database.transaction() as connection:
        connection.execute(insert(sql_models).values(**values))
        record_change(connection, workspace, "created", "sql_model", str(values["id"]), after=_audit(values))
    return get_sql_model(workspace, str(values["id"]))


def list_sql_models(workspace: Workspace) -> Sequence[SqlModel]:
    """Return all SQL models, oldest first."""
    query = select(sql_models).order_by(sql_models.c.created_at, sql_models.c.id)
    with workspace.database.reading() as connection:
        return [_to_model(row) for row in connection.execute(query)]


def get_sql_model(workspace: Workspace, id_or_name: str) -> SqlModel:
    """Return the SQL model with this id, else with this name.

    Raises:
        NotFound: There is none; the hint lists those there are.
    """
    found = list_sql_models(workspace)
    for model in found:
        if model.id == id_or_name:
            return model
    for model in found:
        if model.name.casefold() == id_or_name.strip().casefold():
            return model
    names = ", ".join(model.name for model in found)
    raise NotFound(
        f"There is no SQL model {id_or_name!r}.", hint=f"Use one of: {names}." if names else "Define a model first."
    )


def check_columns(columns: Sequence[ColumnType]) -> None:
    """Refuse a result whose columns break a limit.

    Raises:
        ResultTooLarge: Too many columns, or a name that is too long.
        InvalidField: Two columns have one name.
    """
    if len(columns) > MAX_COLUMNS:
        raise ResultTooLarge(
            f"The query returns {len(columns)} columns; the limit is {MAX_COLUMNS}.",
            hint="Select only the columns that you want to sync.",
        )
    for column in columns:
        if len(column.name) > MAX_COLUMN_NAME_CHARS:
            raise ResultTooLarge(
                f"The column name {column.name[:40]!r}… has {len(column.name)} characters; "
                f"the limit is {MAX_COLUMN_NAME_CHARS}.",
                hint="Give the column a shorter name with AS.",
            )
    for name, count in Counter(column.name.casefold() for column in columns).items():
        if count > 1:
            raise InvalidField(
                f"The query returns {count} columns named {name!r}.", hint="Give each column a name of its own with AS."
            )


def find_key_column(columns: Sequence[ColumnType], key_column: str) -> str:
    """Return the key column's name as the result spells it; upper and lower case are the same.

    Raises:
        PrimaryKeyMissing: It is not set, not in the result, too long, or cannot be text.
    """
    if not key_column.strip():
        raise PrimaryKeyMissing(
            "No unique identifier column is chosen.", hint="Choose the column that names each record."
        )
    if len(key_column) > MAX_KEY_NAME_CHARS:
        raise PrimaryKeyMissing(
            f"The unique identifier column's name is longer than {MAX_KEY_NAME_CHARS} characters.",
            hint="Give the column a shorter name with AS.",
        )
    exact = [item for item in columns if item.name == key_column]
    found = exact or [item for item in columns if item.name.casefold() == key_column.casefold()]
    if not found:
        raise PrimaryKeyMissing(
            f"The unique identifier column {key_column!r} is not in the result.",
            hint=f"Choose one of: {', '.join(item.name for item in columns[:20])}.",
        )
    if found[0].kind in (Kind.BYTES, Kind.JSON):
        raise PrimaryKeyMissing(
            f"The unique identifier column {key_column!r} has the type {found[0].type}, which is no text.",
            code="record_invalid_id",
            hint="Choose another column, or cast it to text in the SQL.",
        )
    return found[0].name


def _check_name(workspace: Workspace, name: str, sql_model_id: str | None) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > MAX_NAME_CHARS:
        raise InvalidField(
            "The SQL model needs a name." if not clean else f"The name has {len(clean)} characters.",
            hint=f"Give it a name of at most {MAX_NAME_CHARS} characters, such as 'Customers'.",
        )
    taken = [item for item in list_sql_models(workspace) if item.name.casefold() == clean.casefold()]
    if any(item.id != sql_model_id for item in taken):
        raise InvalidField(f"There is already a SQL model named {clean!r}.", hint="Choose another name.")
    return clean


def _change(
    workspace: Workspace, sql_model_id: str, values: dict[str, object], expected_version: int | None
) -> SqlModel:
    before = get_sql_model(workspace, sql_model_id)
    version = before.version if expected_version is None else expected_version
    with workspace.database.transaction() as connection:
        changed = connection.execute(
            update(sql_models)
            .where(sql_models.c.id == sql_model_id, sql_models.c.version == version)
            .values(**values, version=version + 1)
        )
        if changed.rowcount == 0:
            raise VersionConflict(
                f"The SQL model {before.name!r} was changed in another browser; this change was not saved.",
                hint="Copy your SQL, reload the page, and save again.",
                context={"sql": values["sql"]},
            )
        row = connection.execute(select(sql_models).where(sql_models.c.id == sql_model_id)).one()
        old = {"name": before.name, "sql": before.sql, "key_column": before.key_column}
        record_change(
            connection, workspace, "updated", "sql_model", sql_model_id, before=old, after=_audit(dict(row._mapping))
        )
    return _to_model(row)


def _to_model(row: Row[tuple[object, ...]]) -> SqlModel:
    values = dict(row._mapping)
    columns = tuple(ColumnType(item["name"], item["type"], Kind(item["kind"])) for item in values["columns"])
    return SqlModel(**{**values, "columns": columns})


def _audit(values: dict[str, object]) -> dict[str, object]:
    return {name: values[name] for name in ("name", "warehouse_id", "sql", "key_column") if name in values}
