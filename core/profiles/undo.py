"""Undo a merge, and undo the undo: write or take away a rule, then build again exactly the profiles it concerns.

What is built again is the family (`core/profiles/family.py`) of the two profiles, from the log, in memory. It takes the
place of what was there in one transaction together with the rule and the audit trail, under the builder's lease. So the
answer is that of a full rebuild with the rule, traits and events are back where they belong however much has happened
since, and a kill leaves everything as it was.

Decisions where the specification is silent:
- The message that tied the two goes where its strongest identifier that still fits leads; the others are left out of
  it and reported, as for a limit.
- Today's identity rules count. An identifier whose rule is gone since goes from the profiles that are built again.
- A merge whose messages are no longer all in the event log cannot be undone: what they said would be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from core.errors import IllegalTransition, NotFound
from core.events.event_log import EventLog, StoredEvent, open_event_log
from core.identity.caps import read_caps
from core.identity.rules import read_rules
from core.profiles.counts import BuildCounts, add_counts, count_messages
from core.profiles.family import Family, FamilyFinder
from core.profiles.garbage import without_garbage_collection
from core.profiles.merge_history import find_merge
from core.profiles.profile import ProfileMerge
from core.profiles.progress import clear_space, forget_profiles, read_offset
from core.profiles.replay import Replayed, ReplayRules, replay_family
from core.profiles.split_plan import Act, PlannedProfile, SplitPlan, make_plan, read_stored
from core.profiles.splits import delete_split, find_split, insert_split, read_pairs
from core.profiles.trait_engine import TraitBatch, TraitEngine
from core.storage.lease import hold_lease, require_lease
from core.storage.tables import profile_messages
from core.workspaces.audit import record_change
from core.workspaces.workspace import Workspace

__all__ = ["Act", "PlannedProfile", "SplitPlan", "SplitProgress", "plan_split", "split", "split_by_rebuild"]

LEASE_WAIT_S = 30.0
"""A builder that follows the log lets go of the lease every second."""


@dataclass(frozen=True, slots=True)
class SplitProgress:
    """How far it has come: messages that were read to find the family, then messages that were applied again."""

    read: int = 0
    applied: int = 0
    total: int | None = None


Progress = Callable[[SplitProgress], None]


@dataclass(frozen=True, slots=True)
class _Built:
    """A family that was built again and is not written yet."""

    family: Family
    replayed: Replayed
    traits: TraitBatch
    offset: int
    plan: SplitPlan


def plan_split(
    workspace: Workspace,
    space_id: str,
    act: Act,
    merged_id: str,
    engine: TraitEngine,
    *,
    survivor_id: str | None = None,
    progress: Progress | None = None,
) -> SplitPlan:
    """Return what an undo or a rejoin would change; changes nothing.

    Args:
        workspace: Where the profiles are.
        space_id: Of which space.
        act: Undo a merge, or take back that it was undone.
        merged_id: The profile that was merged away, or had been.
        engine: Computes the traits.
        survivor_id: The other profile, where a rejoin could mean several.
        progress: Told how far it has come.

    Raises:
        NotFound: There is no such merge, or no such rule.
        IllegalTransition: Messages of these profiles are no longer in the event log.
        LimitExceeded: Too many profiles hang together; `split_by_rebuild` has no such limit.
    """
    with without_garbage_collection():
        return _build(workspace, space_id, act, merged_id, engine, survivor_id, progress).plan


def split(
    workspace: Workspace,
    space_id: str,
    act: Act,
    merged_id: str,
    engine: TraitEngine,
    *,
    survivor_id: str | None = None,
    progress: Progress | None = None,
) -> SplitPlan:
    """Undo a merge, or take back that it was undone, and return what changed; arguments and errors as `plan_split`.

    Raises:
        RunInProgress: The profiles are being built by a process that does not pause.
    """
    log = open_event_log(workspace)
    name = f"profiles:{space_id}"
    with hold_lease(workspace.database, name, wait_s=LEASE_WAIT_S) as lease, without_garbage_collection():
        engine.compute_history(workspace, space_id, log, lambda connection: require_lease(connection, lease))
        built = _build(workspace, space_id, act, merged_id, engine, survivor_id, progress)
        with workspace.database.transaction() as connection:
            require_lease(connection, lease)
            _change_rule(connection, workspace, space_id, act, built.plan.merge)
            forget_profiles(connection, space_id, built.family.profile_ids, built.family.log_offsets)
            built.replayed.around.write(connection)
            built.traits.save(connection, built.offset)
            _recount(connection, workspace, space_id, built.replayed.left_out)
    return built.plan


def split_by_rebuild(
    workspace: Workspace, space_id: str, act: Act, merged_id: str, *, survivor_id: str | None = None
) -> ProfileMerge:
    """Change the rule and forget all profiles of the space; the next build makes them again from the log.

    Raises:
        NotFound: There is no such merge, or no such rule.
        IllegalTransition: The first messages are no longer in the event log.
        RunInProgress: The profiles are being built by a process that does not pause.
    """
    log = open_event_log(workspace)
    with (
        hold_lease(workspace.database, f"profiles:{space_id}", wait_s=LEASE_WAIT_S) as lease,
        workspace.database.transaction() as connection,
    ):
        require_lease(connection, lease)
        merge = _find_merge(connection, space_id, act, merged_id, survivor_id)
        _require_first_message(connection, log, space_id)
        _change_rule(connection, workspace, space_id, act, merge)
        clear_space(connection, space_id)
    return merge


def _build(
    workspace: Workspace,
    space_id: str,
    act: Act,
    merged_id: str,
    engine: TraitEngine,
    survivor_id: str | None,
    progress: Progress | None,
) -> _Built:
    log, tell = open_event_log(workspace), progress or (lambda _: None)
    with workspace.database.reading() as connection:
        merge = _find_merge(connection, space_id, act, merged_id, survivor_id)
        rules = read_rules(connection, space_id)
        finder = FamilyFinder(connection, log, space_id, rules, lambda read: tell(SplitProgress(read)))
        family = finder.find({merge.survivor_id, merge.merged_id})
        if family.missing:
            raise _messages_gone(family.missing)
        pairs = read_pairs(connection, space_id) ^ {(merge.survivor_id, merge.merged_id)}
        by = ReplayRules(rules, read_caps(connection, space_id), pairs)
        offset, traits = read_offset(connection, space_id), engine.open_batch(connection, space_id, workspace.now())
        traits.leave_out(traits.find_behind(offset).keys())
        traits.leave_out_accounts()
        before = read_stored(connection, space_id, family)
    total = len(family.log_offsets)
    replayed = replay_family(
        log, space_id, family, by, traits, lambda applied: tell(SplitProgress(total, applied, total))
    )
    if replayed.missing:
        raise _messages_gone(replayed.missing)
    return _Built(family, replayed, traits, offset, make_plan(act, merge, total, before, replayed))


def _find_merge(
    connection: Connection, space_id: str, act: Act, merged_id: str, survivor_id: str | None
) -> ProfileMerge:
    if act is Act.REJOIN:
        return find_split(connection, space_id, merged_id, survivor_id)
    merge = find_merge(connection, space_id, merged_id)
    if merge is None or survivor_id not in (None, merge.survivor_id):
        raise NotFound(
            f"{merged_id} is not merged into {survivor_id or 'another profile'}.",
            hint="Reload the page; somebody may have undone the merge already.",
        )
    return merge


def _change_rule(connection: Connection, workspace: Workspace, space_id: str, act: Act, merge: ProfileMerge) -> None:
    if act is Act.UNDO:
        insert_split(connection, workspace, space_id, merge)
    elif not delete_split(connection, space_id, merge):
        raise NotFound(f"{merge.merged_id} is not kept apart.", hint="Reload the page; somebody was faster.")
    values = {"profiles": [merge.survivor_id, merge.merged_id], "message": merge.log_offset}
    action = "undone" if act is Act.UNDO else "restored"
    record_change(connection, workspace, action, "merge", f"{space_id}:{merge.merged_id}", after=values)


def _recount(connection: Connection, workspace: Workspace, space_id: str, left_out: list[StoredEvent]) -> None:
    """Count messages that belong to nobody any more as dropped, by the rules of today."""
    if left_out:
        counts = count_messages(((event, False) for event in left_out), workspace.now())
        reached = Counter({key: -number for key, number in counts.dropped.items()})
        add_counts(connection, space_id, BuildCounts(reached, counts.dropped, 0))


def _require_first_message(connection: Connection, log: EventLog, space_id: str) -> None:
    query = select(func.min(profile_messages.c.log_offset)).where(profile_messages.c.space_id == space_id)
    first = connection.execute(query).scalar()
    if first is not None and not log.get_many([first]):
        raise _messages_gone(1)


def _messages_gone(count: int) -> IllegalTransition:
    return IllegalTransition(
        f"At least {count:,} of the messages behind these profiles are no longer in the event log.",
        code="messages_gone",
        hint="The merge stays: without those messages nobody can tell whose traits and events they brought.",
    )
