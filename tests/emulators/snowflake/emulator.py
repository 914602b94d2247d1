"""The Snowflake emulator as tests use it: settings that reach it through the product's own form, and a bare session."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import snowflake.connector

PROGRAM = Path(__file__).with_name("server.py")
SECRETS = {"password": "not checked by the emulator"}
_NUMBERS = itertools.count(1)


def new_settings(port: int) -> dict[str, object]:
    """Return the settings of a new, empty database."""
    return {
        "account": "myorg-account1",
        "user": "onramp_user",
        "authentication": "password",
        "role": "onramp_role",
        "warehouse": "onramp_wh",
        "database": f"DB{next(_NUMBERS)}",
        "schema": "PUBLIC",
        "host": f"http://127.0.0.1:{port}",
    }


@contextmanager
def open_session(port: int, settings: dict[str, object]) -> Iterator[snowflake.connector.SnowflakeConnection]:
    """Return a session of the driver, for what a test prepares."""
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    with snowflake.connector.connect(
        account="myorg-account1",
        user="owner",
        password="not checked",
        protocol="http",
        host="127.0.0.1",
        port=port,
        database=settings["database"],
        schema=settings["schema"],
        enable_server_session_keep_alive_auto_detection=False,
        paramstyle="qmark",
    ) as session:
        yield session


def run_all(port: int, settings: dict[str, object], statements: Sequence[str]) -> None:
    """Run statements one after the other."""
    with open_session(port, settings) as session, session.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
