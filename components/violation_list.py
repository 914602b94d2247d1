"""Identity violations: what a rule kept from happening, in which message, on which profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components.choice_table import draw_choice_table
from components.format import NONE, format_time
from components.navigation import draw_link
from core.events.event_log import open_event_log
from core.identity.resolve import ViolationRule
from core.profiles.violations import ViolationRecord
from core.sources.store import list_sources
from core.workspaces.workspace import Workspace

MEANINGS: Mapping[str, str] = {
    ViolationRule.NO_IDENTIFIERS: "The message carries none of the space's identifiers, so it belongs to nobody.",
    ViolationRule.VALUE_LIMIT: "A tie would have given one profile too many values of an identifier; it was not made.",
    ViolationRule.TIME_LIMIT: "A tie would have given one profile too many values within the rule's period.",
    ViolationRule.VALUE_BLOCKED: "The value is on the identifier's block list and was passed over.",
    ViolationRule.MERGE_LIMIT: "The profile has been merged as often as is allowed; the profiles stayed apart.",
    ViolationRule.MAPPING_LIMIT: "The profile has as many identifiers as is allowed; no more were added.",
    ViolationRule.KEPT_APART: "Somebody undid a merge of these profiles, so no message may tie them again.",
    ViolationRule.VALUE_UNUSABLE: "The value is too long or holds control characters and was passed over.",
    ViolationRule.TEST_RECORD: "A test record from Select mappings: it is in the log and touches no profile.",
    ViolationRule.UNREADABLE: "The message is not readable JSON and was passed over.",
}


def draw_violations(
    workspace: Workspace, found: Sequence[ViolationRecord], *, key: str, shows_profile: bool = True
) -> None:
    """Draw one row a violation, and the chosen one with its message and the profiles it concerns."""
    events = {event.offset: event for event in open_event_log(workspace).get_many([each.log_offset for each in found])}
    names = {source.id: source.name for source in list_sources(workspace)}
    ids = [f"{violation.log_offset}-{place}" for place, violation in enumerate(found)]
    received = [events.get(violation.log_offset) for violation in found]
    rules = {violation.rule for violation in found}
    chosen = draw_choice_table(
        {
            "Message": [f"#{violation.log_offset}" for violation in found],
            "Received": [format_time(event.received_at) if event else NONE for event in received],
            "From": [names.get(event.source_id, event.source_id) if event else NONE for event in received],
            **({"Rule": [violation.label for violation in found]} if len(rules) > 1 else {}),
            "Passed over": [_name_passed_over(violation) for violation in found],
            "What happened": [_shorten(violation) for violation in found],
        },
        ids,
        None,
        key=key,
        alt="Violations, newest message first",
    )
    if chosen in ids:
        _draw_violation(found[ids.index(chosen)], shows_profile=shows_profile)
    else:
        st.caption("Pick a row to see its message and the profiles it concerns.")


def _shorten(violation: ViolationRecord) -> str:
    text = violation.sentence.removeprefix(f"{violation.label}: message #{violation.log_offset}")
    text = text.partition("; matched without ")[0].strip(" ,.")
    return f"{text[:1].upper()}{text[1:]}" or MEANINGS.get(violation.rule, "")


def _name_passed_over(violation: ViolationRecord) -> str:
    dropped = violation.detail.get("dropped", violation.detail)
    if not isinstance(dropped, dict) or "value" not in dropped:
        return NONE
    return f"{dropped['type']} {dropped['value']}"


def _draw_violation(violation: ViolationRecord, *, shows_profile: bool) -> None:
    with st.container(border=True):
        st.text(violation.sentence)  # plain: Markdown would make links of e-mail addresses
        st.caption(MEANINGS.get(violation.rule, ""))
        with st.container(horizontal=True):
            number = str(violation.log_offset)
            draw_link("event-debugger", label="The message", icon=":material/mail:", query={"message": number})
            if shows_profile and violation.profile_id:
                query = {"id": violation.profile_id}
                draw_link("profile-explorer", label="Its profile", icon=":material/person:", query=query)
            others = violation.detail.get("profiles")
            for other in others if isinstance(others, list) else []:
                if isinstance(other, str) and other != violation.profile_id:
                    query = {"id": other}
                    draw_link("profile-explorer", label="Kept apart from", icon=":material/person_off:", query=query)
