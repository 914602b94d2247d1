"""What Redshift does and a Postgres in its place does not: strict expected failures, each with its reason.

What is expected is what Amazon documents; none of it was seen on a cluster. A gap that closes fails the suite.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import psycopg
import pytest

from core.errors import SqlSyntaxError, Unreachable
from tests.contract.harnesses.harness import Gap, not_yet
from tests.postgres import make_login
from tests.unit.warehouses.redshift.conftest import Connect
from tests.unit.warehouses.servers import PASSWORD

_WORDS = not_yet("Postgres has no function or syntax of this name", raises=SqlSyntaxError)
_ORDER = not_yet("a JSONB, in the place of a SUPER, orders its keys", raises=AssertionError)
_PRECISION = not_yet("Postgres knows no precision of a sum, Redshift gives it 38 digits", raises=AssertionError)
GAPS: tuple[tuple[str, object, Gap], ...] = (
    ("SELECT nvl(NULL, 'a') AS v", "a", _WORDS),
    ("SELECT TOP 1 1 AS v", 1, _WORDS),
    ("SELECT decode(1, 1, 'one', 'other') AS v", "one", _WORDS),
    ("SELECT datediff(day, DATE '2024-02-28', DATE '2024-03-01') AS v", 2, _WORDS),
    ("SELECT dateadd(day, 1, TIMESTAMP '2024-02-28') AS v", datetime(2024, 2, 29), _WORDS),  # noqa: DTZ001
    ("SELECT charindex('b', 'abc') AS v", 2, _WORDS),
    ("SELECT strtol('ff', 16) AS v", 255, _WORDS),
    ("""SELECT json_extract_path_text('{"a": {"b": 1}}', 'a', 'b', true) AS v""", "1", _WORDS),
    ("""SELECT j.a[0] AS v FROM (SELECT json_parse('{"a": [7]}') AS j) AS t""", "7", _WORDS),
    ("SELECT v FROM (SELECT 1 AS v) AS t QUALIFY row_number() OVER (ORDER BY v) = 1", 1, _WORDS),
    ("""SELECT json_parse('{"b":1,"a":2}') AS v""", '{"b":1,"a":2}', _ORDER),
    ("SELECT sum(v) AS v FROM (SELECT 12.50::numeric(18, 2) AS v) AS t", Decimal("12.50"), _PRECISION),
)


@pytest.mark.parametrize(
    ("sql", "value"), [pytest.param(sql, value, marks=gap.to_mark(), id=sql) for sql, value, gap in GAPS]
)
def test_a_text_in_redshifts_own_words_gives_what_redshift_gives(connect: Connect, sql: str, value: object) -> None:
    found = connect().query(sql)["v"].to_pylist()
    assert found == [value] and type(found[0]) is type(value)


@not_yet(
    "the driver does not know how Postgres asks for SCRAM; Redshift asks for a digest", raises=Unreachable
).to_mark()
def test_a_login_with_a_password_kept_as_sha_256_is_let_in(connect: Connect, admin: psycopg.Connection) -> None:
    make_login(admin, "sha256_analyst", PASSWORD)
    try:
        connect(user="sha256_analyst").query("SELECT 1 AS n")
    finally:
        admin.execute("DROP ROLE sha256_analyst")
