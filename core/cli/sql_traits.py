"""What `traits` does with SQL traits: traits that a query of a warehouse keeps, on people or accounts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from core.cli import syncs
from core.cli.output import DONE, open_for, print_json, print_table
from core.cli.space_option import find_space
from core.cli.text_file import read_text_file
from core.clock import to_iso
from core.errors import InvalidField
from core.records import to_json_value
from core.setup.sql_traits import (
    DEFAULT_INTERVAL_MINUTES,
    SqlTraitsSync,
    check_sql_traits,
    create_sql_traits,
    delete_sql_traits,
    edit_sql_traits,
    find_sql_traits,
    list_sql_traits,
)
from core.warehouses.store import get_warehouse
from core.workspaces.workspace import Workspace

KIND = "sql"


def add_query(parser: argparse.ArgumentParser, *, with_warehouse: bool) -> None:
    """Add the options that make traits of a query."""
    text = "a query that returns user_id, email, anonymous_id or group_id, and traits"
    query = parser.add_mutually_exclusive_group()
    query.add_argument("--sql", metavar="QUERY", help=text)
    query.add_argument("--sql-file", metavar="FILE", help="a file with the query")
    parser.add_argument("--every", type=int, metavar="MINUTES", help="how often the query runs (default 720)")
    if with_warehouse:
        parser.add_argument("--warehouse", metavar="NAME", help="where the query runs; name or id")


def is_asked_for(args: argparse.Namespace) -> bool:
    """Say whether any of the options is given that speak of a query."""
    given = (args.sql, args.sql_file, args.every, getattr(args, "warehouse", None))
    return any(option is not None for option in given)


def create(args: argparse.Namespace) -> int:
    """Make SQL traits; the worker runs them at once."""
    workspace = _open(args)
    sync = create_sql_traits(
        workspace,
        find_space(workspace, args.space).id,
        name=args.name,
        warehouse_id=get_warehouse(workspace, args.warehouse).id,
        sql=_read_query(args),
        interval_minutes=args.every or DEFAULT_INTERVAL_MINUTES,
    )
    return _report(workspace, args, sync.id, "made; the worker runs it at once")


def preview(args: argparse.Namespace) -> int:
    """Print what a query would keep."""
    workspace = _open(args)
    check = check_sql_traits(workspace, get_warehouse(workspace, args.warehouse).id, _read_query(args))
    traits, rows = check.traits, check.sample.to_pylist()
    if args.json:
        sample = [to_json_value(row) for row in rows]
        print_json({"key": traits.key_column, "traits": traits.columns, "rows": check.rows, "sample": sample})
    else:
        print(f"{check.rows:,} rows by {traits.key_column}")
        print_table(check.sample.column_names, [list(row.values()) for row in rows])
    return DONE


def edit(workspace: Workspace, args: argparse.Namespace) -> int:
    """Change the query or how often it runs."""
    if not is_asked_for(args):
        raise InvalidField("Nothing is to be changed.", hint="Give --sql, --sql-file or --every.")
    has_query = args.sql is not None or args.sql_file is not None
    sql = _read_query(args) if has_query else None
    sync = edit_sql_traits(workspace, args.key, sql=sql, interval_minutes=args.every)
    return _report(workspace, args, sync.id, "changed; the next run sends what differs")


def delete(workspace: Workspace, args: argparse.Namespace) -> int:
    """Delete SQL traits."""
    sync = delete_sql_traits(workspace, args.key)
    if args.json:
        print_json({"deleted": sync.name})
    else:
        print(f"{sync.name}: deleted; its values stay as custom traits")
    return DONE


def run(workspace: Workspace, args: argparse.Namespace) -> int:
    """Run the query now and print the balance sheet."""
    args.name, args.confirm_deletes = find_sql_traits(workspace, args.key).id, False
    return syncs.run_now(args)


def list_rows(workspace: Workspace, space_id: str | None = None) -> list[dict[str, object]]:
    """Return what `traits list` says of SQL traits, of every space or of one."""
    return [_describe(each) for each in list_sql_traits(workspace, space_id) if each.is_sql_traits]


def is_one(workspace: Workspace, name: str) -> bool:
    """Say whether there are SQL traits with this name or id."""
    return any(name in (row["id"], row["name"]) for row in list_rows(workspace))


def _open(args: argparse.Namespace) -> Workspace:
    if args.warehouse is None:
        raise InvalidField("It is not said where the query runs.", hint="Add --warehouse NAME.")
    return open_for(args)


def _read_query(args: argparse.Namespace) -> str:
    if args.sql is not None:
        return str(args.sql)
    if args.sql_file is None:
        raise InvalidField("There is no query.", hint="Give it with --sql or --sql-file.")
    return read_text_file(args.sql_file, hint="Name a text file with one query.")


def _report(workspace: Workspace, args: argparse.Namespace, sync_id: str, text: str) -> int:
    row: Mapping[str, object] = next(each for each in list_rows(workspace) if each["id"] == sync_id)
    if args.json:
        print_json(row)
    else:
        print(f"{row['name']}: {text}")
    return DONE


def _describe(each: SqlTraitsSync) -> dict[str, object]:
    run = each.newest_run
    return {
        "id": each.sync.id,
        "key": ", ".join(each.columns),
        "name": each.sync.name,
        "kind": KIND,
        "scope": "account" if each.is_of_accounts else "user",
        "status": "not run yet" if run is None else str(run.state),
        "owners": None,
        "traits": each.columns,
        "interval_minutes": each.sync.interval_minutes,
        "created_at": to_iso(each.sync.created_at),
    }
