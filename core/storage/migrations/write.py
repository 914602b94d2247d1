"""`make migration MESSAGE="..."`: write the next migration from the difference between tables.py and the last one."""

from __future__ import annotations

import sys
import tempfile

from alembic import command

from core.storage.database import open_database
from core.storage.home import open_home
from core.storage.migrate import FOLDER, make_config, upgrade


def main(message: str) -> None:
    """Migrate an empty store to the last revision, compare it with the tables, and write what is missing."""
    number = len(list((FOLDER / "versions").glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(folder)
        database = open_database(home, f"sqlite:///{home.workspace_db}")
        with database.transaction() as connection:
            upgrade(connection)
        with database.transaction() as connection:
            command.revision(make_config(connection), message=message, autogenerate=True, rev_id=f"{number:04d}")
        database.close()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change the tables")
