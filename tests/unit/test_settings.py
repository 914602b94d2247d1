"""What a person typed into a connection form."""

from __future__ import annotations

import pytest

from core.errors import InvalidField, MissingField
from core.fields import Field, FieldType
from core.settings import check_settings, split_secrets
from core.warehouses.definition import TIME_ZONE, WarehouseDefinition

DEFINITION = WarehouseDefinition(
    name="net",
    label="Net",
    summary="For tests",
    docs_url="https://example.com",
    settings=(
        Field("host", "Host", "The name of the server.", required=True),
        Field("port", "Port", type=FieldType.INTEGER, default=5432, unit="port"),
        Field("auth", "Log in with", choices=(("password", "Password"), ("key", "Key pair")), default="password"),
        Field("password", "Password", secret=True, required=True, depends_on=("auth", "password")),
        Field("key", "Key", secret=True, required=True, depends_on=("auth", "key")),
        Field("tunnel", "Through SSH", type=FieldType.BOOLEAN, default=False),
        TIME_ZONE,
    ),
    dialect="duckdb",
)


def test_defaults_are_filled_in_and_texts_are_tidied() -> None:
    settings, secrets = check_settings(DEFINITION, {"host": " db.example.com "}, {"password": " with blanks "})
    assert settings == {
        "host": "db.example.com",
        "port": 5432,
        "auth": "password",
        "tunnel": False,
        "time_zone": "UTC",
    }
    assert secrets == {"password": " with blanks "}


def test_what_fields_hold_is_parted_into_settings_and_secrets_without_what_is_empty() -> None:
    typed = {"host": "h", "port": None, "auth": "", "password": "p", "key": "", "tunnel": False}
    assert split_secrets(DEFINITION, typed) == ({"host": "h", "tunnel": False}, {"password": "p"})


def test_what_belongs_to_a_choice_not_taken_is_left_out() -> None:
    typed = {"password": "old", "key": "-----BEGIN"}
    assert check_settings(DEFINITION, {"host": "h", "auth": "key"}, typed)[1] == {"key": "-----BEGIN"}
    assert check_settings(DEFINITION, {"host": "h", "auth": ""}, typed)[1] == {"password": "old"}


@pytest.mark.parametrize("port", ["0", -1, 65_536, "http", "54 32"])
def test_a_port_is_a_number_that_ports_have(port: object) -> None:
    with pytest.raises(InvalidField, match="Port") as caught:
        check_settings(DEFINITION, {"host": "h", "port": port}, {"password": "p"})
    assert "65,535" in caught.value.hint and caught.value.context["field"] == "port"
    assert check_settings(DEFINITION, {"host": "h", "port": " 6543 "}, {"password": "p"})[0]["port"] == 6543


@pytest.mark.parametrize(
    ("settings", "secrets", "field"),
    [({}, {"password": "p"}, "host"), ({"host": "h"}, {}, "password"), ({"host": "h", "auth": "key"}, {}, "key")],
)
def test_a_field_that_is_missing_is_named(settings: dict[str, object], secrets: dict[str, str], field: str) -> None:
    with pytest.raises(MissingField) as caught:
        check_settings(DEFINITION, settings, secrets)
    assert caught.value.context["field"] == field and caught.value.hint


def test_a_choice_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(InvalidField, match="Log in with") as caught:
        check_settings(DEFINITION, {"host": "h", "auth": "magic"}, {})
    assert "password, key" in caught.value.hint


SITE = WarehouseDefinition(
    name="site",
    label="Site",
    summary="For tests",
    docs_url="https://example.com",
    settings=(Field("url", "Website URL", type=FieldType.URL, placeholder="https://www.example.com"),),
    dialect="duckdb",
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://www.example.com/shop ", "https://www.example.com/shop"),
        ("www.example.com", "https://www.example.com"),
        ("http://127.0.0.1:8501", "http://127.0.0.1:8501"),
        ("https://münchen.example", "https://münchen.example"),
    ],
)
def test_a_web_address_is_kept_and_gets_a_scheme_where_it_has_none(typed: str, kept: str) -> None:
    assert check_settings(SITE, {"url": typed}, {})[0] == {"url": kept}


@pytest.mark.parametrize(
    "typed", ["ftp://example.com", "https://", "two words", "https://[::1", "https://a:b", "javascript://x"]
)
def test_what_is_no_web_address_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(InvalidField, match=r"Use a web address such as https://www\.example\.com") as caught:
        check_settings(SITE, {"url": typed}, {})
    assert caught.value.context == {"field": "url"}
