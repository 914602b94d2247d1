"""Computed traits in words: kinds, operators, windows, and one sentence that says what a definition counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from components.format import format_count, format_duration, format_number
from core.traits.computed_trait import Aggregate, Scope, TraitKind, TraitStatus, ValueType

KINDS = {
    TraitKind.EVENT_COUNTER: "Event counter",
    TraitKind.AGGREGATION: "Aggregation",
    TraitKind.MOST_FREQUENT: "Most frequent",
    TraitKind.FIRST: "First",
    TraitKind.LAST: "Last",
    TraitKind.UNIQUE_LIST: "Unique list",
    TraitKind.UNIQUE_LIST_COUNT: "Unique list count",
}
KIND_MEANINGS = {
    TraitKind.EVENT_COUNTER: "How often an event happened.",
    TraitKind.AGGREGATION: "The sum, average, smallest or largest value of a numeric property.",
    TraitKind.MOST_FREQUENT: "The value of a property that was seen most often.",
    TraitKind.FIRST: "The value of a property in the first event that has one.",
    TraitKind.LAST: "The value of a property in the last event that has one.",
    TraitKind.UNIQUE_LIST: "All different values of a property, sorted.",
    TraitKind.UNIQUE_LIST_COUNT: "How many different values of a property there were.",
}
AGGREGATES = {
    Aggregate.SUM: "Sum",
    Aggregate.AVERAGE: "Average",
    Aggregate.MINIMUM: "Minimum",
    Aggregate.MAXIMUM: "Maximum",
}
VALUE_TYPES = {ValueType.TEXT: "Text", ValueType.NUMBER: "Number"}
SCOPES = {Scope.USER: "People", Scope.ACCOUNT: "Accounts"}
WINDOWS = {"lifetime": "All time", "sliding": "The last days", "session": "The session that goes on"}
WINDOW_MEANINGS = {
    "lifetime": "Every event counts, for ever. The value changes with the event.",
    "sliding": "Events leave the value by themselves: hour by hour up to a week, day by day (UTC) beyond.",
    "session": "Events with no longer break than the inactivity period. After it the value goes.",
}
OPERATORS = {
    "equals": "equals",
    "not_equals": "does not equal",
    "less_than": "is less than",
    "greater_than": "is greater than",
    "less_than_or_equal": "is at most",
    "greater_than_or_equal": "is at least",
    "contains": "contains",
    "does_not_contain": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "exists": "exists",
    "not_exists": "does not exist",
    "before_date": "is before",
    "after_date": "is after",
    "equals_one_of": "equals one of",
    "contains_one_of": "contains one of",
}
STATUSES = {
    TraitStatus.PREPARING: ("Preparing", ":material/hourglass_top:", "blue"),
    TraitStatus.COMPUTING: ("Computing", ":material/autorenew:", "blue"),
    TraitStatus.LIVE: ("Live", ":material/check_circle:", "green"),
    TraitStatus.DISABLED: ("Disabled", ":material/pause_circle:", "gray"),
    TraitStatus.FAILED: ("Failed", ":material/error:", "red"),
}
_SAYS = {
    TraitKind.EVENT_COUNTER: "How many {events} there were",
    TraitKind.MOST_FREQUENT: "The most frequent {property} of {events}, seen at least {minimum} times",
    TraitKind.FIRST: "The {property} of the first of {events}",
    TraitKind.LAST: "The {property} of the last of {events}",
    TraitKind.UNIQUE_LIST: "Every different {property} of {events}",
    TraitKind.UNIQUE_LIST_COUNT: "How many different {property} {events} had",
}


def describe_definition(kind: str, definition: Mapping[str, Any]) -> str:
    """Return what a trait says as one sentence of plain text."""
    noun = "page views" if definition.get("message_type") == "page" else "events"
    event = definition.get("event")
    words = {
        "events": f"“{event}” {noun}" if event else noun,
        "property": str(definition.get("property")),
        "minimum": format_number(int(definition.get("minimum_frequency", 2))),
    }
    if kind == TraitKind.AGGREGATION:
        says = f"The {definition.get('aggregate')} of {words['property']} over {words['events']}"
    else:
        says = _SAYS[TraitKind(kind)].format(**words)
    owner = " of an account" if definition.get("scope") == Scope.ACCOUNT else ""
    conditions = " and ".join(describe_condition(each) for each in definition.get("conditions") or ())
    return f"{says}{owner}{_describe_window(definition)}{f', where {conditions}' if conditions else ''}."


def describe_condition(condition: Mapping[str, Any]) -> str:
    """Return one condition as plain text."""
    operator, value = str(condition.get("operator")), condition.get("value")
    shown = ", ".join(map(str, value)) if isinstance(value, list) else value
    words = f"{condition.get('property')} {OPERATORS.get(operator, operator)}"
    return words if operator in ("exists", "not_exists") else f"{words} {shown}"


def _describe_window(definition: Mapping[str, Any]) -> str:
    window = definition.get("window") or {}
    if window.get("type") == "sliding":
        return f" in the last {format_count(window['days'], 'day')}"
    if window.get("type") == "session":
        gap = timedelta(minutes=window["inactivity_minutes"])
        return f" in a session without a break of {format_duration(gap.total_seconds())}"
    return ""
