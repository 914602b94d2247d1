from __future__ import annotations

import pytest

from core.errors import UnknownConnector
from core.setup.entitlements import PERMITTED_SOURCES
from core.sources.registry import DEFINITIONS, get_definition


def test_kinds_are_unique_and_in_alphabetical_order() -> None:
    kinds = [definition.kind for definition in DEFINITIONS]
    assert kinds == sorted(set(kinds))


def test_every_definition_is_complete() -> None:
    for definition in DEFINITIONS:
        assert definition.label
        assert definition.summary.endswith(".")
        assert definition.docs_url.startswith("https://")
        assert definition.has_write_key + definition.needs_warehouse == (definition.kind != "personas")


def test_w96_w115_the_flex_source_and_that_of_predictions_are_auto_created() -> None:
    assert [definition.kind for definition in DEFINITIONS if definition.is_auto_created] == ["flex", "personas"]


def test_an_unknown_kind_is_refused_with_the_kinds_that_exist() -> None:
    with pytest.raises(UnknownConnector, match="duckdb, flex"):
        get_definition("carrier-pigeon")


def test_w116_every_event_stream_type_that_is_permitted_exists() -> None:
    kinds = {definition.kind for definition in DEFINITIONS if definition.has_write_key}
    assert kinds == {"flex", "http", "java", "javascript", "kotlin", "swift", "twilio_event_streams"}
    labels = {definition.kind: definition.label for definition in DEFINITIONS}
    assert {kind: label for kind, label in PERMITTED_SOURCES.items() if kind in labels} == {
        kind: label for kind, label in labels.items() if kind in PERMITTED_SOURCES
    }


def test_a_website_is_shown_to_work_by_a_page_and_an_app_by_a_screen() -> None:
    shown_by = {definition.kind: definition.shown_by for definition in DEFINITIONS if definition.shown_by}
    assert shown_by == {"javascript": "page", "kotlin": "screen", "swift": "screen"}
