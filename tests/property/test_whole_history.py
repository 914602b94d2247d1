"""What SQL finds in a log at once is what the code for live messages finds in it one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import to_iso
from core.events.event_log import EventLog
from core.events.history.relation import open_events
from core.events.message import to_log_entry
from core.identity.rule import IdentifierRule
from core.profiles import whole_history
from core.profiles.reading import EventFilter, SpaceReading
from core.profiles.whole_history import COLUMNS, WholeHistory
from core.workspaces.spans import FROM_THE_START
from tests.feeding import START
from tests.sizes import examples

NEVER = EventFilter("flt_1", "meets nothing", 'type = "nothing"', FROM_THE_START)  # so that each message is looked at
SOURCES = {"src_a": FROM_THE_START, "src_b": ((0, 3), (9, None))}
RULES = [
    IdentifierRule("user_id", 3, 1, blocked_exact=("Anonymous", "straße"), blocked_patterns=("^[0-]*$",)),
    IdentifierRule("email", 1, 5, blocked_patterns=("@test[.]", "x$")),
    IdentifierRule("loyalty_card", 2, 5, custom=True),
    IdentifierRule("phone", 12, 5, custom=True, key="mobile_phone"),
    IdentifierRule("crm.id", 4, 5, custom=True),
    IdentifierRule("ga_client_id", 5, 5),
    IdentifierRule("group_id", 6, 5),
    IdentifierRule("android.idfa", 7, 5),
    IdentifierRule("ios.id", 8, 5),
    IdentifierRule("anonymous_id", 9, 5, blocked_exact=("null",)),
    IdentifierRule("seen_outside", 10, 5, custom=True, external_only=True),
    IdentifierRule("ios.push_token", 11, 5, external_only=True),
]
VALUES = st.sampled_from(
    ["ada", " ada ", "ADA@x.example", "ada@test.example", "", " ", "null", "anonymous", "STRASSE", "0-0", "é", "a\tb",
     "a\x7fb", "a\\b", 'a"b', "x" * 499, "x" * 501, "12", 12, 0, -3, 1.0, 1.5, 10**16, 1e300, True, False, None, [],
     ["a"], {}, {"a": 1}, "true", "\u212a", "ada\u00a0"]
)  # fmt: skip
TIMES = st.sampled_from(
    ["2026-11-01T10:00:00.123Z", "2026-11-01T10:00:00Z", "2026-11-01", "2026-02-30T10:00:00Z", "2026-11-01T24:00:00Z",
     "2026-11-01 10:00:00", "2026-11-01T10:00:00+02:00", "1960-01-01T00:00:00Z", "soon", None, 5]
)  # fmt: skip


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    filled = st.fixed_dictionaries({}, optional=fields)
    return st.one_of(filled, filled, filled, st.sampled_from([None, "text", [1]]))


TRAITS = _object(
    email=VALUES, loyalty_card=VALUES, loyaltyCard=VALUES, mobilePhone=VALUES, phone=VALUES, **{"crm.id": VALUES}
)
DEVICE = _object(
    id=VALUES,
    token=VALUES,
    advertisingId=VALUES,
    type=st.sampled_from(["android", "iOS", " ios", "ANDROID", "\u0130OS", 1, None]),
    adTrackingEnabled=st.sampled_from([True, False, "true", 1]),
)
EXTERNAL = st.sampled_from(
    [None, [], [{"id": "S-1", "type": "seen_outside", "collection": "users", "encoding": "none"}], "text"]
)
CONTEXT = _object(
    traits=TRAITS,
    device=DEVICE,
    integrations=_object(**{"Google Analytics": _object(clientId=VALUES)}),
    externalIds=EXTERNAL,
    reverseEtl=_object(test=st.sampled_from([True, False, None])),
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["identify", "track", "group", "alias", "page"])},
    optional={
        "userId": VALUES,
        "anonymousId": VALUES,
        "groupId": VALUES,
        "traits": TRAITS,
        "properties": TRAITS,
        "context": CONTEXT,
        "timestamp": TIMES,
        "originalTimestamp": TIMES,
    },
)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(st.tuples(st.sampled_from([*SOURCES, "src_c"]), MESSAGES), min_size=1, max_size=40),
    in_properties=st.booleans(),
)
def test_sql_finds_what_the_code_for_live_messages_finds(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    messages: list[tuple[str, dict[str, Any]]],
    in_properties: bool,
) -> None:
    monkeypatch.setattr(whole_history, "PIECE_MESSAGES", 15)
    log = EventLog(tmp_path_factory.mktemp("log") / "events.db")
    stamped = [
        (source, {"timestamp": to_iso(START), **message, "messageId": f"m-{number}"})
        for number, (source, message) in enumerate(messages)
    ]
    log.append([to_log_entry(source, message, START) for source, message in stamped])

    rules = [replace(rule, in_properties=in_properties and rule.type == "email") for rule in RULES]
    at_once = _read(log, SpaceReading(SOURCES, {}, ()), rules)
    one_by_one = _read(log, SpaceReading(SOURCES, {}, (NEVER,)), rules)
    log.close()

    assert at_once == one_by_one


def _read(log: EventLog, reading: SpaceReading, rules: Sequence[IdentifierRule]) -> tuple[object, ...]:
    with open_events(log, COLUMNS) as database:
        history = WholeHistory(log, database, reading, rules, ())
        assert [*history.read(log.last_offset())][-1] == log.last_offset()
        if not len(history):
            return ((), history.violations)
        numbered = history.number()
        names = dict(database.execute("SELECT number, {'type': type, 'value': value} FROM numbered").fetchall())
        ends = [*numbered.starts[1:], len(numbered.identifiers)]
        found = [
            [(names[number]["type"], names[number]["value"]) for number in numbered.identifiers[start:end].tolist()]
            for start, end in zip(numbered.starts, ends, strict=True)
        ]
        assert [numbered.type_names[place] for place in numbered.types] == [names[n]["type"] for n in range(len(names))]
        order = history.offsets.tolist(), numbered.at_ms.tolist(), numbered.is_alias.tolist()
        return found, order, history.violations
