"""A cluster folds names in quotes too, unless it is told not to: a model then works by the names that come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.sql_models.column_profile import profile_columns
from core.sql_models.key_check import check_key
from core.syncs.diff.registry import get_diff_dialect
from core.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.emulators.postgres_front import PostgresFront, open_front
from tests.unit.warehouses.redshift.conftest import Connect

SQL = 'SELECT 1 AS "Id", \'Zoë\' AS "First Name" -- "as typed"'


@pytest.fixture
def warehouse(connect: Connect, redshift_front: PostgresFront) -> Iterator[RedshiftWarehouse]:
    with open_front(redshift_front.upstream, as_redshift=True, folds_names=True) as front:
        warehouse = connect(port=front.port)
        yield warehouse
        warehouse.close()


def test_names_come_back_folded_and_every_question_asks_by_them(warehouse: RedshiftWarehouse) -> None:
    columns = warehouse.describe(SQL)
    assert [column.name for column in columns] == ["id", "first name"]
    assert [profile.name for profile in profile_columns(warehouse, SQL)] == ["id", "first name"]
    assert check_key(warehouse, SQL, "id").ok
    compared = get_diff_dialect("redshift").all_rows_sql(SQL, "id", columns)
    assert warehouse.query(compared).num_rows == 1


def test_where_the_cluster_keeps_the_case_names_come_back_as_they_are(connect: Connect) -> None:
    assert [column.name for column in connect().describe(SQL)] == ["Id", "First Name"]
