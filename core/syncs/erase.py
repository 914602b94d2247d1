"""Taking people out of what a sync keeps: the acknowledged records, and the records of its runs.

Files are written anew without the rows that hold one of the values, beside the old one, and then take its name: DuckDB
and Parquet leave deleted rows where they are. A kill leaves the old file or the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import orjson
from sqlalchemy import select

from core.errors import RunInProgress
from core.mappings.compile import literal
from core.storage.lease import hold_lease
from core.storage.tables import sync_runs
from core.syncs.engine import LOOK_S, open_state
from core.syncs.state import GAPS
from core.syncs.state_file import translate
from core.syncs.sync import list_syncs
from core.workspaces.workspace import Workspace


@dataclass(frozen=True)
class People:
    """Whose rows: by user id, by the keys of rows that are theirs (by sync), or by values of theirs.

    A value counts where the row has no user id: the same phone may stand in rows of others. The rows of
    `account_sync_ids` have the ids of accounts as their keys, which may be called as a user is.
    """

    user_ids: Collection[str]
    values: Collection[str]
    row_keys: Mapping[str, Collection[str]]
    account_sync_ids: Collection[str] = ()

    def condition(self, sync_id: str) -> str:
        """Return the condition on `key` and `payload` of a record of the sync, as SQL."""
        keys = {*self.row_keys.get(sync_id, ()), *(() if sync_id in self.account_sync_ids else self.user_ids)}
        parts = [*([f"key IN ({_list(keys)})"] if keys else []), *self._anywhere]
        return f"coalesce({' OR '.join(parts) or 'false'}, false)"

    @cached_property
    def _anywhere(self) -> Sequence[str]:
        """What holds in every sync; of thousands of people it is a long text."""
        has_user = "nullif(json_extract_string(payload, '$.user_id'), '')"
        held = [f"contains(lower(payload), {literal(orjson.dumps(each).decode().lower())})" for each in self.values]
        parts = [f"{has_user} IN ({_list(self.user_ids)})"] if self.user_ids else []
        return [*parts, *([f"({has_user} IS NULL AND ({' OR '.join(held)}))"] if held else [])]


def erase_states(workspace: Workspace, people: People) -> Iterator[tuple[str, int]]:
    """Take the people's rows out of the state of every sync; yield each sync and how many records, before they go.

    What is unchanged is compared row by row in the next run, because the warehouse may still vouch for what went.

    Raises:
        RunInProgress: A sync has a run that is not over; it is done when the run is.
    """
    for sync in list_syncs(workspace):
        path = workspace.home.sync_state / f"{sync.id}.duckdb"
        if not path.exists():
            continue
        with hold_lease(workspace.database, f"sync:{sync.id}", wait_s=LOOK_S):
            with open_state(workspace, sync.id) as state:
                where = people.condition(sync.id)
                count = state.count_matching(where)
                if not count and not state.has_gaps:
                    continue
                if count and state.read_phase()[0] != "none":
                    raise RunInProgress(
                        f"The sync {sync.name!r} has a run that is not over.",
                        hint="Nothing is lost: the rest is deleted as soon as it is.",
                    )
                if count:
                    yield sync.id, count
                    state.delete_matching(where)
            _write_anew(path)


def erase_records(workspace: Workspace, people: People) -> Iterator[tuple[str, int]]:
    """Take the people's records out of the files of finished runs; yield each file and how many, before they go."""
    with workspace.database.reading() as connection:
        syncs = {row.id: row.sync_id for row in connection.execute(select(sync_runs.c.id, sync_runs.c.sync_id))}
    with duckdb.connect(":memory:") as engine:
        for path in sorted(workspace.home.runs.glob("*.parquet")):
            where = people.condition(syncs.get(path.stem, ""))
            source = f"read_parquet({literal(str(path))})"
            row = engine.execute(f"SELECT count(*) FROM {source} WHERE {where}").fetchone()  # noqa: S608 - literals
            if row is None or not row[0]:
                continue
            yield path.stem, row[0]
            scratch = path.with_suffix(".erased")
            try:
                engine.execute(
                    f"COPY (SELECT * FROM {source} WHERE NOT ({where})) TO {literal(str(scratch))} "  # noqa: S608
                    "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)"
                )
            except duckdb.Error as error:
                raise translate(error) from error
            scratch.replace(path)


def _list(texts: Collection[str]) -> str:
    return ", ".join(literal(each) for each in sorted(texts))


def _write_anew(path: Path) -> None:
    draft = path.with_suffix(".erased")
    draft.unlink(missing_ok=True)
    try:
        with duckdb.connect(":memory:") as engine:
            engine.execute(f"ATTACH {literal(str(path))} AS old (READ_ONLY)")
            engine.execute(f"ATTACH {literal(str(draft))} AS new")
            engine.execute("COPY FROM DATABASE old TO new")
            engine.execute(f"DELETE FROM new.meta WHERE name = '{GAPS}'")  # noqa: S608 - our own name
            engine.execute("DETACH new")
            engine.execute("DETACH old")
    except duckdb.Error as error:
        raise translate(error) from error
    draft.replace(path)
