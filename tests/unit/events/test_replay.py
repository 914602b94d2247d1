"""Refused events are mended and taken once more: by the server's rules, once each, noted in the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import insert

from core.errors import IllegalTransition, InvalidEvent, NotFound
from core.events.event_log import open_event_log
from core.events.intake import refuse_all, take
from core.events.refused import get_refused, list_codes
from core.events.replay import count_replayable, find_draft_fault, replay, replay_all, write_draft
from core.events.validate import Fault
from core.sources.store import Source, create_source, delete_source, disable_source, enable_source
from core.storage.tables import suppressed_users
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
BAD = {"type": "track", "event": 7, "userId": "ada", "messageId": "m-1"}
DISABLED = Fault(code="source_disabled", reason="The source is disabled.")


@pytest.fixture
def source(workspace: Workspace) -> Source:
    return create_source(workspace, kind="http", name="Shop")


def refuse(workspace: Workspace, source: Source, *messages: object, at: datetime = AT) -> None:
    taken = take(source.id, messages, received_at=at)
    assert not taken.entries
    open_event_log(workspace).append([], taken.refusals)


def refuse_disabled(workspace: Workspace, source: Source, *messages: object) -> None:
    open_event_log(workspace).append([], refuse_all(source.id, messages, DISABLED, received_at=AT))


def test_a_mended_event_is_taken_with_its_own_message_id_and_marked(workspace: Workspace, source: Source) -> None:
    refuse(workspace, source, BAD)
    log = open_event_log(workspace)
    event = get_refused(log, 1)
    assert find_draft_fault(workspace, event, write_draft(event)).code == "event_not_string"  # type: ignore[union-attr]
    mended = write_draft(event).replace("7", '"Order Paid"')
    assert find_draft_fault(workspace, event, mended) is None
    done = replay(workspace, 1, mended)
    (stored,) = log.get_many([done.offset])
    assert (stored.name, stored.message_id, stored.source_id, done.is_new) == ("Order Paid", "m-1", source.id, True)
    assert get_refused(log, 1).replayed_as == done.offset
    change = list_changes(workspace)[0]
    assert (change.action, change.object_type, change.object_id) == ("replayed", "refused_event", "1")
    assert change.after == {"message": done.offset, "source": "Shop", "edited": True}
    with pytest.raises(IllegalTransition, match="replayed already"):
        replay(workspace, 1, mended)


def test_an_event_that_is_still_wrong_is_refused_again_and_nothing_is_written(
    workspace: Workspace, source: Source
) -> None:
    refuse(workspace, source, BAD)
    with pytest.raises(InvalidEvent) as refused:
        replay(workspace, 1)
    assert refused.value.code == "event_not_string"
    with pytest.raises(InvalidEvent, match="line 1, column 2"):
        replay(workspace, 1, "{")
    with pytest.raises(InvalidEvent, match="whole request"):
        replay(workspace, 1, '{"batch": []}')
    assert open_event_log(workspace).last_offset() == 0
    assert get_refused(open_event_log(workspace), 1).replayed_as is None


def test_a_message_id_that_cannot_be_kept_is_left_out_and_a_replay_done_twice_makes_one_event(
    workspace: Workspace, source: Source
) -> None:
    refuse(workspace, source, {**BAD, "event": "Paid", "messageId": "m" * 101})
    log = open_event_log(workspace)
    assert "messageId" not in write_draft(get_refused(log, 1))
    first = replay(workspace, 1)
    with log.writing() as connection:  # as if it had been killed before it was marked
        connection.execute("UPDATE refused_events SET replayed_as = NULL")
    again = replay(workspace, 1)
    assert (again.offset, log.last_offset()) == (first.offset, 1)


def test_a_message_id_that_the_log_has_is_not_written_again(workspace: Workspace, source: Source) -> None:
    log = open_event_log(workspace)
    log.append(take(source.id, [{**BAD, "event": "Paid"}], received_at=AT).entries)
    refuse(workspace, source, BAD)
    done = replay(workspace, 1, orjson.dumps({**BAD, "event": "Other"}).decode())
    assert (done.offset, done.is_new, log.last_offset()) == (1, False, 1)


def test_the_senders_clock_is_compared_with_when_the_event_was_first_received(
    workspace: Workspace, source: Source
) -> None:
    sent_at, happened_at = AT + timedelta(hours=1), AT + timedelta(minutes=50)  # a clock that is an hour ahead
    times = {"sentAt": sent_at.isoformat(), "originalTimestamp": happened_at.isoformat()}
    refuse(workspace, source, {**BAD, **times})
    done = replay(workspace, 1, orjson.dumps({**BAD, **times, "event": "Paid"}).decode())
    (stored,) = open_event_log(workspace).get_many([done.offset])
    assert orjson.loads(stored.body)["timestamp"] == "2026-11-25T08:50:00.000Z"


def test_a_source_that_is_disabled_or_gone_is_said(workspace: Workspace, source: Source) -> None:
    refuse(workspace, source, BAD)
    disable_source(workspace, source.id)
    with pytest.raises(IllegalTransition, match="'Shop' is disabled") as refused:
        replay(workspace, 1)
    assert refused.value.code == "source_disabled"
    delete_source(workspace, source.id)
    with pytest.raises(NotFound, match="has been deleted"):
        replay(workspace, 1)


def test_an_event_of_no_known_source_is_given_one(workspace: Workspace, source: Source) -> None:
    unknown = Fault(code="unknown_source", reason="No source has this write key.")
    open_event_log(workspace).append([], refuse_all("", [{**BAD, "event": "Paid"}], unknown, received_at=AT))
    with pytest.raises(NotFound, match="No source is known"):
        replay(workspace, 1)
    done = replay(workspace, 1, source_id=source.id)
    assert open_event_log(workspace).get_many([done.offset])[0].source_id == source.id


def test_a_suppressed_user_is_not_replayed(workspace: Workspace, source: Source) -> None:
    refuse_disabled(workspace, source, {**BAD, "event": "Paid"})
    with workspace.database.transaction() as connection:
        connection.execute(insert(suppressed_users).values(user_id="ada", created_at=AT))
    with pytest.raises(InvalidEvent) as refused:
        replay(workspace, 1)
    assert refused.value.code == "user_suppressed"
    assert replay_all(workspace, source.id, "source_disabled").still_refused == {"user_suppressed": 1}


def test_all_events_of_a_source_that_was_disabled_are_replayed_oldest_first(
    workspace: Workspace, source: Source
) -> None:
    right = [{**BAD, "event": f"Step {number}", "messageId": f"m-{number}"} for number in range(1_203)]
    refuse_disabled(workspace, source, *right, BAD)
    disable_source(workspace, source.id)
    assert count_replayable(workspace, source.id, "source_disabled") == 1_204
    with pytest.raises(IllegalTransition):
        replay_all(workspace, source.id, "source_disabled")
    enable_source(workspace, source.id)
    report = replay_all(workspace, source.id, "source_disabled")
    assert (report.replayed, report.known, report.still_refused) == (1_203, 0, {"event_not_string": 1})
    log = open_event_log(workspace)
    assert [event.name for event in log.read(0, 2_000)] == [f"Step {number}" for number in range(1_203)]
    assert count_replayable(workspace, source.id, "source_disabled") == 1
    assert list_codes(log) == ["source_disabled"]
    assert replay_all(workspace, source.id, "source_disabled").replayed == 0
