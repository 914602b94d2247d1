"""Carrying out a regulation that deletes: in steps that can be done again, in an order that survives a kill.

1. Who it is: the profiles of the user ids, with all their identifiers; saved, because later steps take them away.
2. The event log: rows, blocks, files of closed days, word files; refused events.
3. What is kept of accounts and is theirs; what syncs keep: records of runs, acknowledged records.
4. The profiles, in every space, in one transaction; then texts that quote a value.
5. The search index, the logs.
6. The regulation's own copy of the values goes, and the files are written anew, so that nothing stays in their gaps.

Profiles go after the messages that made them: a kill between leaves them to be found again, and no build brings them
back. Every step is under the lease of whoever else writes there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, select, update

from core.destinations.segment_profiles import KEEP_ACCOUNT_TRAITS
from core.errors import CoreError, RunInProgress
from core.events.erase import (
    compact,
    erase_messages,
    erase_refused,
    matches_refused,
    scan_log,
)
from core.events.event_log import open_event_log
from core.privacy.accounts import delete_account_calls, delete_account_traits, find_account_rows
from core.privacy.regulation import Regulation, RegulationStatus, get_regulation, list_regulations
from core.privacy.stored import DELETED, compact_store, delete_profiles, make_pattern, replace_texts
from core.privacy.subject import Subject, choose_offsets, resolve_subject
from core.profiles.event_filters import forget_values
from core.profiles.search_index import purge_index
from core.storage.lease import hold_lease
from core.storage.tables import regulations
from core.syncs.erase import People, erase_records, erase_states
from core.syncs.sync import list_syncs
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

SETTLING = timedelta(seconds=3)
"""How long after the request the deletion starts: by then every process drops the person's messages at the door."""
WAIT_S = 10.0
READ_AT_ONCE = 5_000
MENTIONS = "messages of other people that mention a value"
PLACES: Mapping[str, str] = {
    "events": "messages in the event log",
    "refused": "refused events",
    "records": "records of sync runs",
    "acknowledged": "acknowledged records of syncs",
    "profiles": "profiles",
    "identifiers": "identifiers",
    "profile_messages": "entries of who sent what",
    "trait_states": "states of computed traits",
    "violations": "identity violations",
    "merges": "merges",
    "account_traits": "traits of accounts",
    "profile_accounts": "entries of who named which account",
    "group_calls": "calls that describe accounts",
    "kept_apart": "rules that keep profiles apart",
    "texts": "texts that quoted a value",
    "logs": "lines of logs",
    "mentions": MENTIONS,
    "suppressed": "user ids suppressed",
    "unsuppressed": "suppressions lifted",
}
"""What the lines of a receipt count."""
NOT_DELETED = (
    "Not deleted here: the warehouse that the data came from and what `__onramp` there holds, the tables of a profiles "
    "sync until its next run, files that were uploaded as a warehouse, backups and copies of the home folder, what "
    "other systems got from the Profile API or a sync, and messages of other people that mention one of the values. A "
    "Postgres store keeps its own logs and backups."
)


def carry_out_due(workspace: Workspace, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Carry out what is asked for, the oldest first, and return how many regulations were finished.

    Raises:
        RunInProgress: Something else works there; it is tried again.
    """
    done = 0
    for regulation in list_regulations(workspace, only_open=True):
        if is_stopping() or workspace.now() < regulation.requested_at + SETTLING:
            break
        carry_out(workspace, regulation.id)
        done += 1
    return done


def carry_out(workspace: Workspace, regulation_id: str) -> Regulation:
    """Carry out one regulation to its end; one that is over is returned as it is.

    Raises:
        RunInProgress: Something else works there; what is done stays done, and the rest is done next time.
        CoreError: It failed; the failure is kept with it.
    """
    if not get_regulation(workspace, regulation_id).is_open:
        return get_regulation(workspace, regulation_id)
    with hold_lease(workspace.database, "regulations"):
        regulation = get_regulation(workspace, regulation_id)  # as whoever held the lease before has left it
        if not regulation.is_open:
            return regulation
        try:
            _Deletion(workspace, regulation).run()
        except RunInProgress:
            raise
        except CoreError as error:
            _write(workspace, regulation_id, status=RegulationStatus.FAILED, error=error.to_dict())
            raise
    return get_regulation(workspace, regulation_id)


class _Deletion:
    """One deletion on its way."""

    def __init__(self, workspace: Workspace, regulation: Regulation) -> None:
        self._workspace = workspace
        self._id = regulation.id
        self._receipt = dict(regulation.receipt)

    def run(self) -> None:
        """Go through the steps."""
        subject = self._start()
        if subject is not None:
            self._erase_events(subject)
            self._erase_accounts(subject)
            self._erase_syncs(subject)
            self._erase_profiles(subject)
            self._erase_rest(subject)
            self._forget()
        self._compact()
        self._finish()

    def _start(self) -> Subject | None:
        with self._workspace.database.transaction() as connection:
            row = connection.execute(select(regulations).where(regulations.c.id == self._id)).one()
            if row.subject is None and row.started_at is not None:
                return None
            subject = Subject.from_json(row.subject or {})
            resolve_subject(connection, subject)
            values = {
                "subject": subject.to_json(),
                "status": RegulationStatus.RUNNING,
                "error": None,
                "started_at": row.started_at or self._workspace.now(),
            }
            connection.execute(update(regulations).where(regulations.c.id == self._id).values(values))
        return subject

    def _erase_events(self, subject: Subject) -> None:
        log = open_event_log(self._workspace)
        with hold_lease(self._workspace.database, "history", wait_s=WAIT_S):
            found = list(scan_log(log, subject.marks))
            with self._workspace.database.reading() as connection:
                theirs, mentions = choose_offsets(connection, subject, found)
            self._offsets, there = sorted(theirs), list[int]()
            for start in range(0, len(self._offsets), READ_AT_ONCE):
                for event in log.get_many(self._offsets[start : start + READ_AT_ONCE]):
                    there.append(event.offset)
                    subject.add_message(event.body)
            self._receipt["events"] = subject.plan_messages(there)
            self._keep(subject)  # a kill must lose neither the count nor what the messages said
            erase_messages(log, theirs)
        self._receipt["mentions"] = len(mentions)
        self._count("refused", erase_refused(log, matches_refused(subject.marks)))
        self._keep(subject)

    def _erase_accounts(self, subject: Subject) -> None:
        # before the syncs forget the rows: what is delivered meanwhile is delivered again by their next run
        with self._workspace.database.reading() as connection:
            rows = find_account_rows(connection, subject)
        with self._workspace.database.transaction() as connection:
            self._count("account_traits", delete_account_traits(connection, subject, rows))
            self._save(connection, subject=subject.to_json())

    def _erase_syncs(self, subject: Subject) -> None:
        of_accounts = [each.id for each in list_syncs(self._workspace) if each.action == KEEP_ACCOUNT_TRAITS.name]
        people = People(subject.user_ids, subject.values, subject.row_keys, of_accounts)
        for place, erase in (("records", erase_records), ("acknowledged", erase_states)):
            for name, count in erase(self._workspace, people):
                self._receipt[place] = subject.plan_records(place, name, count)
                self._keep(subject)

    def _erase_profiles(self, subject: Subject) -> None:
        with ExitStack() as leases:
            for space_id in subject.profile_ids:
                leases.enter_context(hold_lease(self._workspace.database, f"profiles:{space_id}", wait_s=WAIT_S))
            with self._workspace.database.transaction() as connection:
                # a batch in hand, or an undo, may have made more of them meanwhile
                resolve_subject(connection, subject, self._offsets)
                for table, count in delete_profiles(connection, subject, self._offsets).items():
                    self._count(table, count)
                for table, count in delete_account_calls(connection, subject).items():
                    self._count(table, count)
                values = subject.user_ids | subject.values
                self._count("texts", replace_texts(connection, values))
                self._count("texts", forget_values(connection, make_pattern(values), DELETED))
                self._save(connection, subject=subject.to_json())

    def _erase_rest(self, subject: Subject) -> None:
        for space_id, ids in subject.list_profiles():
            purge_index(self._workspace, space_id, sorted(ids))
        pattern = make_pattern(subject.user_ids | subject.values)
        for path in sorted(self._workspace.home.logs.rglob("*")):
            if path.is_file():
                self._count("logs", _blank(path, pattern))

    def _forget(self) -> None:
        with self._workspace.database.transaction() as connection:
            self._save(connection, subject=None)

    def _compact(self) -> None:
        compact(open_event_log(self._workspace))
        compact_store(self._workspace.database)

    def _finish(self) -> None:
        with self._workspace.database.transaction() as connection:
            is_partial = bool(self._receipt.get("mentions"))
            status = RegulationStatus.PARTIAL_SUCCESS if is_partial else RegulationStatus.FINISHED
            self._save(connection, status=status, finished_at=self._workspace.now(), error=None)
            after: dict[str, object] = {"status": str(status), **self._receipt}
            record_change(connection, self._workspace, "finished", "regulation", self._id, after=after)

    def _keep(self, subject: Subject) -> None:
        _write(self._workspace, self._id, subject=subject.to_json(), receipt=self._receipt)

    def _count(self, place: str, count: int) -> None:
        if count:
            self._receipt[place] = self._receipt.get(place, 0) + count

    def _save(self, connection: Connection, **values: object) -> None:
        values["receipt"] = self._receipt
        connection.execute(update(regulations).where(regulations.c.id == self._id).values(values))


def _write(workspace: Workspace, regulation_id: str, **values: object) -> None:
    with workspace.database.transaction() as connection:
        connection.execute(update(regulations).where(regulations.c.id == regulation_id).values(values))


def _blank(path: Path, pattern: re.Pattern[str]) -> int:
    """Write over the values in a log, in place, because its writer has it open; return how many lines changed."""
    changed = 0
    with path.open("r+b") as file:
        for line in iter(file.readline, b""):
            text = line.decode(errors="surrogateescape")
            new = _encode(pattern.sub(lambda found: "*" * len(_encode(found[0])), text))  # as many bytes as before
            if new != line:
                end = file.tell()
                file.seek(end - len(line))
                file.write(new)
                file.seek(end)
                changed += 1
    return changed


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
