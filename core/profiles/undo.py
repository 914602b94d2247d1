"""Undo a merge, and undo the undo: write or take away a rule, then build again exactly the profiles it concerns.

What is built again is the family (`core/profiles/family.py`) of the two profiles, from the log, in a scratch store
while the builder goes on. Then, under the builder's lease, what has come meanwhile is added, and what differs from the
store is written in one transaction together with the rule and the audit trail. So the answer is that of a full rebuild
with the rule, traits and events are back where they belong however much has happened since, and a kill leaves
everything as it was.

Decisions where the specification is silent:
- The message that tied the two goes where its strongest identifier that still fits leads; the others are left out of
  it and reported, as for a limit.
- Today's identity rules count. An identifier whose rule is gone since goes from the profiles that are built again.
- A merge whose messages are no longer all in the event log cannot be undone: what they said would be lost. While a
  deletion takes some of them away, the undo waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, select

from core.errors import CoreError, IllegalTransition, NotFound, RunInProgress
from core.events.event_log import open_event_log
from core.profiles.counts import BuildCounts, add_counts
from core.profiles.family import Family, FamilyFinder
from core.profiles.merge_history import find_merge
from core.profiles.profile import ProfileMerge
from core.profiles.progress import read_offset
from core.profiles.replay import Replay
from core.profiles.rewrite import Rewrite, compare
from core.profiles.scratch import Basis, read_basis
from core.profiles.split_plan import Act, PlannedProfile, SplitPlan, make_plan, read_planned
from core.profiles.splits import delete_split, find_split, insert_split
from core.profiles.trait_engine import TraitEngine
from core.storage.lease import hold_lease, require_lease
from core.storage.tables import regulations
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

__all__ = ["Act", "PlannedProfile", "SplitPlan", "SplitProgress", "plan_split", "split"]

LEASE_WAIT_S = 30.0
"""A builder that follows the log lets go of the lease every second."""


@dataclass(frozen=True, slots=True)
class SplitProgress:
    """How far it has come: messages that were read to find the family, then messages that were applied again."""

    read: int = 0
    applied: int = 0
    total: int | None = None


Progress = Callable[[SplitProgress], None]


def plan_split(
    workspace: Workspace,
    space_id: str,
    act: Act,
    merged_id: str,
    engine: TraitEngine,
    *,
    survivor_id: str | None = None,
    progress: Progress | None = None,
    max_messages: int | None = None,
) -> SplitPlan:
    """Return what an undo or a rejoin would change; changes nothing.

    Args:
        workspace: Where the profiles are.
        space_id: Of which space.
        act: Undo a merge, or take back that it was undone.
        merged_id: The profile that was merged away, or had been.
        engine: Computes the traits.
        survivor_id: The other profile, where a rejoin could mean several.
        progress: Told how far it has come; what it raises ends the work.
        max_messages: Of how large a family at most.

    Raises:
        NotFound: There is no such merge, or no such rule.
        IllegalTransition: Messages of these profiles are no longer in the event log.
        LimitExceeded: Code `family_too_large`: more than `max_messages` messages hang together.
    """
    work = _Work(workspace, space_id, act, merged_id, engine, survivor_id, progress)
    with closing(work), workspace.database.reading() as connection:
        work.advance(connection, max_messages)
        return work.plan(connection, work.compare(connection))


def split(
    workspace: Workspace,
    space_id: str,
    act: Act,
    merged_id: str,
    engine: TraitEngine,
    *,
    survivor_id: str | None = None,
    progress: Progress | None = None,
    finish: Callable[[Connection], None] = lambda _: None,
) -> SplitPlan:
    """Undo a merge, or take back that it was undone, and return what changed; arguments and errors as `plan_split`.

    `finish` is called in the transaction that writes.

    Raises:
        RunInProgress: The profiles are being built by a process that does not pause.
    """
    with closing(_Work(workspace, space_id, act, merged_id, engine, survivor_id, progress)) as work:
        with workspace.database.reading() as connection:
            work.advance(connection)
        with hold_lease(workspace.database, f"profiles:{space_id}", wait_s=LEASE_WAIT_S) as lease:
            log = open_event_log(workspace)
            engine.compute_history(workspace, space_id, log, lambda connection: require_lease(connection, lease))
            with workspace.database.reading() as connection:
                work.advance(connection)
                rewrite = work.compare(connection)
                plan = work.plan(connection, rewrite)
            with workspace.database.transaction() as connection:
                require_lease(connection, lease)
                _change_rule(connection, workspace, space_id, act, plan.merge)
                _record(connection, workspace, space_id, act, plan.merge)
                rewrite.write(connection)
                _recount(connection, space_id, work.list_left_out())
                finish(connection)
    return plan


class _Work:
    """One undo on its way: the family so far, and the scratch store in which it is built again."""

    def __init__(
        self,
        workspace: Workspace,
        space_id: str,
        act: Act,
        merged_id: str,
        engine: TraitEngine,
        survivor_id: str | None,
        progress: Progress | None,
    ) -> None:
        self._workspace, self._space_id, self._engine = workspace, space_id, engine
        self._act, self._merged_id, self._survivor_id = act, merged_id, survivor_id
        self._tell: Progress = progress or (lambda _: None)
        self._log = open_event_log(workspace)
        self._family, self._offset = Family(), 0
        self._replay = Replay(self._log, space_id, engine, workspace.now())

    def close(self) -> None:
        """Throw the scratch store away."""
        self._replay.close()

    def advance(self, connection: Connection, max_messages: int | None = None) -> None:
        """Build the family again as far as `connection` sees it: what is new since the last time, or everything."""
        merge = self._find_merge(connection)
        offset = read_offset(connection, self._space_id)
        basis = read_basis(connection, self._space_id, self._engine, offset, self._workspace.now())
        finder = self._make_finder(connection, basis, offset)
        if basis != self._replay.basis or offset < self._offset or not finder.is_whole(self._family):
            self._start(basis, merge)
            seeds = {merge.survivor_id, merge.merged_id}
        else:
            seeds = finder.find_joined(self._family, self._offset)
        offsets = finder.grow(self._family, seeds, max_messages)
        missing = self._family.missing or self._replay.apply(basis, offsets, self._tell_applied)
        if missing:
            raise self._explain_missing(missing, basis)
        self._offset = offset

    def compare(self, connection: Connection) -> Rewrite:
        """Return how the family differs from what `connection` sees of it."""
        return compare(connection, self._replay.connection, self._space_id, self._family)

    def plan(self, connection: Connection, rewrite: Rewrite) -> SplitPlan:
        """Return what `rewrite` changes, for a person."""
        before, after = (
            read_planned(each, self._space_id, rewrite.profile_ids) for each in (connection, self._replay.connection)
        )
        return make_plan(self._act, self._find_merge(connection), len(self._family.log_offsets), before, after)

    def list_left_out(self) -> Counter[tuple[int, str]]:
        """Return how many messages belong to nobody any more, by minute and source."""
        return self._replay.list_left_out()

    def _make_finder(self, connection: Connection, basis: Basis, offset: int = 0) -> FamilyFinder:
        return FamilyFinder(connection, self._log, self._space_id, basis.settings.rules, offset, self._tell_read)

    def _start(self, basis: Basis, merge: ProfileMerge) -> None:
        self._family, self._offset = Family(), 0
        self._replay.start(basis)
        _change_rule(self._replay.connection, self._workspace, self._space_id, self._act, merge)

    def _find_merge(self, connection: Connection) -> ProfileMerge:
        if self._act is Act.REJOIN:
            return find_split(connection, self._space_id, self._merged_id, self._survivor_id)
        merge = find_merge(connection, self._space_id, self._merged_id)
        if merge is None or self._survivor_id not in (None, merge.survivor_id):
            raise NotFound(
                f"{self._merged_id} is not merged into {self._survivor_id or 'another profile'}.",
                hint="Look at the person's merges again; somebody may have undone this one already.",
            )
        return merge

    def _explain_missing(self, missing: int, basis: Basis) -> CoreError:
        """Tell messages that a deletion takes at this moment, in the log first, from those that are gone for good."""
        with self._workspace.database.reading() as connection:  # what the caller sees may be older than the deletion
            query = select(regulations.c.error).where(
                regulations.c.started_at.is_not(None), regulations.c.finished_at.is_(None)
            )
            errors = connection.execute(query).scalars().all()
            if None in errors or not self._make_finder(connection, basis).is_whole(self._family):
                return RunInProgress(
                    "People are being deleted whose messages hang together with these profiles.",
                    hint="An undo in the background goes on by itself when that is done; on a page, try again then.",
                )
        return _messages_gone(missing, is_deletion_broken=bool(errors))

    def _tell_read(self, read: int) -> None:
        self._tell(SplitProgress(read))

    def _tell_applied(self, applied: int) -> None:
        total = len(self._family.log_offsets)
        self._tell(SplitProgress(total, applied, total))


def _change_rule(connection: Connection, workspace: Workspace, space_id: str, act: Act, merge: ProfileMerge) -> None:
    if act is Act.UNDO:
        insert_split(connection, workspace, space_id, merge)
    elif not delete_split(connection, space_id, merge):
        raise NotFound(
            f"{merge.merged_id} is not kept apart.", hint="Look at the profiles kept apart again; somebody was faster."
        )


def _record(connection: Connection, workspace: Workspace, space_id: str, act: Act, merge: ProfileMerge) -> None:
    values = {"profiles": [merge.survivor_id, merge.merged_id], "message": merge.log_offset}
    action = "undone" if act is Act.UNDO else "restored"
    record_change(connection, workspace, action, "merge", f"{space_id}:{merge.merged_id}", after=values)


def _recount(connection: Connection, space_id: str, left_out: Counter[tuple[int, str]]) -> None:
    """Count messages that belong to nobody any more as dropped, by the rules of today."""
    if left_out:
        reached = Counter({key: -number for key, number in left_out.items()})
        add_counts(connection, space_id, BuildCounts(reached, left_out, Counter(), 0))


def _messages_gone(count: int, *, is_deletion_broken: bool) -> IllegalTransition:
    hint = "The merge stays: without those messages nobody can tell whose traits and events they brought."
    if is_deletion_broken:
        hint = "A deletion of people failed on its way. Have it tried again on the page Privacy, and then this."
    return IllegalTransition(
        f"At least {count:,} of the messages behind these profiles are no longer in the event log.",
        code="messages_gone",
        hint=hint,
    )
