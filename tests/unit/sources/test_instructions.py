"""Instructions: each kind that has a library gets steps that hold its write key and this server's address."""

from __future__ import annotations

import pytest

from core.sources.definition import SourceDefinition
from core.sources.instructions import write_instructions
from core.sources.registry import DEFINITIONS

KEY, ADDRESS = "key123", "https://on.example.com/in"
SENDING = [definition for definition in DEFINITIONS if definition.has_write_key]


def join(kind: str, address: str = ADDRESS) -> str:
    return "\n".join(step.code for step in write_instructions(kind, KEY, address))


@pytest.mark.parametrize("definition", SENDING, ids=lambda item: item.kind)
def test_whoever_follows_the_steps_sends_to_this_server_with_the_right_key(definition: SourceDefinition) -> None:
    code = join(definition.kind)
    assert KEY in code
    assert "on.example.com" in code
    assert "api.segment.io" not in code


def test_a_source_that_nothing_is_installed_for_has_no_steps() -> None:
    assert write_instructions("postgres", KEY, ADDRESS) == ()


def test_w55_the_mobile_libraries_get_both_hosts_without_a_scheme_and_with_the_path_of_the_api() -> None:
    for code in (join("swift"), join("kotlin")):
        assert code.count('"on.example.com/in/v1"') == 2
        assert "https://on.example.com" not in code


def test_java_gets_an_address_that_it_appends_its_path_to() -> None:
    assert '.endpoint("https://on.example.com/in")' in join("java")


def test_node_gets_the_path_apart_because_it_takes_no_path_in_its_host() -> None:
    assert 'host: "https://on.example.com",\n  path: "/in/v1/batch",' in join("http")
    assert "path:" not in join("http", "https://on.example.com")
