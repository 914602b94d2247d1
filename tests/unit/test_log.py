"""The log: JSON lines, without a secret, and calm on a full disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from core.log import LOG_NAME, JsonLines, LogFile, redact, set_up_logging
from tests.postgres import PostgresServer

SECRET = "hunter2-and-more"
PHONE = "+49 (30) 12)\n34"
LINES = (
    f"postgresql://ada:{SECRET}@db/x",
    f"password={SECRET}",
    f'{{"password": "{SECRET}"}}',
    f"Authorization: Bearer {SECRET}",
    f"api_key: {SECRET}",
    f"write_key='{SECRET}'",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
)


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = list(root.handlers)
    set_up_logging(tmp_path)
    set_up_logging(tmp_path)
    yield logging.getLogger("onramp.test")
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()


@pytest.mark.parametrize("line", LINES)
def test_no_line_holds_a_secret(logger: logging.Logger, tmp_path: Path, line: str) -> None:
    assert SECRET not in redact(line)
    try:
        raise ValueError(line)
    except ValueError:
        logger.exception("failed: %s", line)
    (entry,) = (tmp_path / LOG_NAME).read_text().splitlines()
    assert SECRET not in entry
    assert orjson.loads(entry)["level"] == "error"


@pytest.mark.parametrize("number", [1, 3], ids=["twice", "without what it needs"])
def test_a_row_that_postgres_refuses_is_not_in_the_log(
    logger: logging.Logger, tmp_path: Path, postgres_server: PostgresServer, number: int
) -> None:
    with psycopg.connect(postgres_server.url("postgres")) as connection:
        connection.execute(
            "CREATE TEMP TABLE people (number int, phone text, PRIMARY KEY (number, phone), city text NOT NULL)"
        )
        connection.execute("INSERT INTO people VALUES (1, %s, 'Berlin')", [PHONE])
        try:
            connection.execute(
                "INSERT INTO people VALUES (%s, %s, %s)", [number, PHONE, "Berlin" if number == 1 else None]
            )
        except psycopg.Error as error:
            assert PHONE in str(error), "there was something to hide"
            logger.exception("failed: %s", error)
        connection.rollback()
    entry = (tmp_path / LOG_NAME).read_text()
    assert PHONE not in entry
    assert "people" in entry and "test_log.py" in entry


def test_a_log_that_cannot_be_written_goes_to_standard_error_without_a_trace(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = LogFile(tmp_path / "gone" / LOG_NAME, delay=True)
    handler.setFormatter(JsonLines())
    handler.handle(logging.makeLogRecord({"msg": f"password={SECRET}", "name": "onramp", "levelname": "ERROR"}))
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "cannot be written" in shown
    assert SECRET not in shown and "Traceback" not in shown
