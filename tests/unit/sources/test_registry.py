from __future__ import annotations

import pytest

from core.errors import UnknownConnector
from core.sources.registry import DEFINITIONS, get_definition


def test_kinds_are_unique_and_in_alphabetical_order() -> None:
    kinds = [definition.kind for definition in DEFINITIONS]
    assert kinds == sorted(set(kinds))


def test_every_definition_is_complete() -> None:
    for definition in DEFINITIONS:
        assert definition.label
        assert definition.summary.endswith(".")
        assert definition.docs_url.startswith("https://")
        assert definition.has_write_key != definition.needs_warehouse


def test_w115_only_the_flex_source_is_auto_created() -> None:
    assert [definition.kind for definition in DEFINITIONS if definition.is_auto_created] == ["flex"]


def test_an_unknown_kind_is_refused_with_the_kinds_that_exist() -> None:
    with pytest.raises(UnknownConnector, match="duckdb, flex"):
        get_definition("carrier-pigeon")
