"""The computed traits that Flex customers want, ready to choose (W76-W81)."""

from __future__ import annotations

from dataclasses import dataclass

from core.ids import snake_case

INITIATED = "Flex - Engagement Initiated"
COMPLETED = "Flex - Engagement Completed"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A computed trait to choose."""

    name: str
    description: str
    kind: str
    definition: dict[str, object]
    recommended: bool = False

    @property
    def key(self) -> str:
        """The trait's key on a profile."""
        return snake_case(self.name)


def _direction(value: str) -> list[dict[str, str]]:
    return [{"property": "direction", "operator": "equals", "value": value}]


RECIPES = (
    Recipe(
        "Total inbounds",
        "Number of inbound attempts that led to customer engagement.",
        "event_counter",
        {"event": INITIATED, "conditions": _direction("Inbound")},
        recommended=True,
    ),
    Recipe(
        "Frequent inbound channel",
        "The channel the customer uses most to reach you, once it was used twice.",
        "most_frequent",
        {
            "event": INITIATED,
            "conditions": _direction("Inbound"),
            "property": "channelType",
            "value_type": "text",
            "minimum_frequency": 2,
        },
        recommended=True,
    ),
    Recipe(
        "Total outbounds",
        "Number of times the customer was contacted by an agent.",
        "event_counter",
        {"event": INITIATED, "conditions": _direction("Outbound")},
    ),
    Recipe(
        "Last known service agent",
        "The agent who last served the customer.",
        "last",
        {"event": INITIATED, "conditions": [], "property": "lastKnownAgentWorkerSid", "value_type": "text"},
    ),
    Recipe(
        "Last interaction duration",
        "How long the last interaction took; unit: seconds.",
        "last",
        {"event": INITIATED, "conditions": [], "property": "duration", "value_type": "number"},
    ),
    Recipe(
        "Sentiment in last interaction",
        "How the customer felt in the last interaction.",
        "last",
        {"event": COMPLETED, "conditions": [], "property": "sentiment", "value_type": "text"},
    ),
)
