"""What the owner of an account is told to run, with the names that were typed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sqlglot

from core.warehouses.snowflake.credentials import read_private_key
from core.warehouses.snowflake.guide import write_guide
from core.warehouses.snowflake.names import write_name, write_text

TYPED = {"user": "reader", "role": "My Role", "warehouse": "wh1", "database": "analytics", "schema": "crm"}


def read_sql(settings: dict[str, object]) -> str:
    return "\n".join(guide.text for guide in write_guide(settings) if guide.language == "sql")


def test_the_names_typed_stand_in_the_statements() -> None:
    sql = read_sql(TYPED)
    for statement in (
        'CREATE ROLE IF NOT EXISTS "My Role";',
        'GRANT ROLE "My Role" TO USER reader;',
        'GRANT USAGE ON WAREHOUSE wh1 TO ROLE "My Role";',
        'GRANT USAGE ON DATABASE analytics TO ROLE "My Role";',
        'GRANT USAGE ON SCHEMA analytics.crm TO ROLE "My Role";',
        'GRANT SELECT ON FUTURE TABLES IN SCHEMA analytics.crm TO ROLE "My Role";',
        'GRANT CREATE SCHEMA ON DATABASE analytics TO ROLE "My Role";',
    ):
        assert statement in sql
    assert "WAREHOUSE_SIZE = XSMALL" in sql and "AUTO_SUSPEND = 60" in sql and "AUTO_RESUME = TRUE" in sql


def test_without_names_the_guide_has_names_to_begin_with_and_covers_the_database() -> None:
    sql = read_sql({})
    assert "CREATE ROLE IF NOT EXISTS onramp_role;" in sql
    assert "GRANT USAGE ON ALL SCHEMAS IN DATABASE my_database TO ROLE onramp_role;" in sql
    assert "None" not in sql and "{" not in sql


def test_the_login_is_the_one_that_was_chosen() -> None:
    by_key, by_password = write_guide({"authentication": "key_pair"}), write_guide({"authentication": "password"})
    assert by_key[0].language == "bash" and "openssl" in by_key[0].text
    assert "RSA_PUBLIC_KEY" in by_key[1].text and "PASSWORD =" not in by_key[1].text
    assert all(guide.language == "sql" for guide in by_password)
    assert "PASSWORD = '<password>'" in by_password[0].text and "TYPE = LEGACY_SERVICE" in by_password[0].text


@pytest.mark.parametrize("settings", [{}, TYPED, {**TYPED, "authentication": "password"}])
def test_every_statement_can_be_read_as_snowflakes_sql(settings: dict[str, object]) -> None:
    statements = sqlglot.parse(read_sql(settings), read="snowflake")
    assert len(statements) >= 10
    assert all(statement is not None for statement in statements)


def test_a_key_made_as_the_guide_says_is_one_that_the_form_takes(tmp_path: Path) -> None:
    commands = write_guide({})[0].text.replace("-out onramp_key.p8", "-out onramp_key.p8 -passout pass:staple")
    commands = commands.replace("-in onramp_key.p8", "-in onramp_key.p8 -passin pass:staple")
    done = subprocess.run(["bash", "-ec", commands], cwd=tmp_path, capture_output=True, check=True)
    assert read_private_key((tmp_path / "onramp_key.p8").read_text(), "staple")
    assert done.stdout.startswith(b"MII") and b"\n" not in done.stdout


def test_names_and_texts_are_written_so_that_none_becomes_sql() -> None:
    assert [write_name(name) for name in ("abc", "a b", 'x"; DROP', '"Kept"', "1a", "Über")] == [
        "abc",
        '"a b"',
        '"x""; DROP"',
        '"Kept"',
        '"1a"',
        '"Über"',
    ]
    assert write_text("it's \\' x") == "'it''s \\\\'' x'"
