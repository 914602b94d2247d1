"""Suppression where a sync delivers: who was suppressed after the run was planned is not sent either."""

from __future__ import annotations

from core.destinations.destination import DeliveryContext, DeliveryRecord, Operation, OutcomeStatus
from core.destinations.segment_profiles import SegmentProfilesDestination
from core.events.event_log import open_event_log
from core.privacy.regulation import RegulationKind, request_regulation
from core.workspaces.workspace import Workspace

CONTEXT = DeliveryContext("src_1", "syn_1", "run_1", "mod_1", "send_identify")


def test_a_record_of_a_person_suppressed_meanwhile_is_rejected_alone(workspace: Workspace) -> None:
    destination = SegmentProfilesDestination(workspace)
    records = [
        DeliveryRecord(f"k{user}", Operation.ADDED, 1, f"msg_{user}", f'{{"user_id":"{user}"}}'.encode())
        for user in ("ada", "grace", "zoe")
    ]
    prepared = destination.prepare(records, CONTEXT)
    request_regulation(workspace, RegulationKind.SUPPRESS_ONLY, ["grace"])
    outcomes = destination.write(records, CONTEXT, prepared)
    assert [outcome.status for outcome in outcomes] == [
        OutcomeStatus.DELIVERED,
        OutcomeStatus.REJECTED,
        OutcomeStatus.DELIVERED,
    ]
    assert outcomes[1].code == "user_suppressed"
    assert [event.user_id for event in open_event_log(workspace).read(0, 10)] == ["ada", "zoe"]
