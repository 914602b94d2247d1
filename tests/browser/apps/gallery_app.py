"""Every plain component on one page, filled as a bad day fills it; `?controls=1` leaves out what is only shown.

With each `?case=N` it begins anew.
"""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pyarrow as pa
import streamlit as st
from cases import begin_case

from components.balance_sheet import draw_balance_sheet
from components.check_list import draw_check_list
from components.column_profile import draw_column_profiles
from components.confirm import confirm
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.frame import draw_style
from components.preview_table import draw_preview_table
from components.progress import Progress, draw_progress
from components.state import SessionValue
from components.stepper import draw_stepper
from components.tiles import HomeTile, draw_tiles
from core.errors import IllegalTransition, NotReadOnly

CONFIRMED = SessionValue("confirmed", int)
READS = SessionValue("reads", int)


def check(code: str, title: str, state: str, **more: object) -> SimpleNamespace:
    return SimpleNamespace(
        code=code, title=title, state=state, **({"cause": None, "evidence": None, "fix": None, "took_ms": None} | more)
    )


def column(name: str, type_: str, kind: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, type=type_, kind=kind)


def count_up() -> Progress:
    READS.write(READS.read() + 1)
    return Progress("Delivering", READS.read() * 100, 300, is_finished=READS.read() > 3)


def agree() -> None:
    if "refuse" in st.query_params:
        raise IllegalTransition("Somebody else has chosen already.", hint="Look again.")
    CONFIRMED.write(CONFIRMED.read() + 1)


st.set_page_config(page_title="Components", layout="wide")
draw_style()
case = begin_case()
st.title("Components", anchor=False)
went = draw_stepper(
    [
        {"id": "sources", "title": "Select data sources", "done": True},
        {"id": "connections", "title": "Add connections", "done": True},
        {"id": "identifiers", "title": "Add identifiers and traits"},
        {"id": "check", "title": "Check configuration", "open": False, "reason": "Add identifiers first."},
    ],
    "identifiers",
    key=f"steps{case}",
)
pressed = draw_tiles(
    [
        HomeTile("sources", "Select data sources", "Choose where your customer data lives.", "complete", "Review"),
        HomeTile(
            "connections",
            "Add connections",
            "Connect the warehouse, define the model, map its columns.",
            "open",
            "Add connections",
            "Two of three connections are missing.",
            is_primary=True,
        ),
        HomeTile(
            "identifiers",
            "Add identifiers and traits",
            "Which values name a person, and which facts to compute.",
            "locked",
            "Add identifiers and traits",
            "Add connections first.",
        ),
        HomeTile(
            "check",
            "Check configuration",
            "One button checks everything.",
            "locked",
            "Check configuration",
            "Add identifiers and traits first.",
        ),
    ],
    f"tiles{case}",
)
if st.button("Choose for good"):
    confirm("A data warehouse only", "Rows of your warehouse become profiles.", agree, warning="This cannot be undone.")
st.html(f'<pre data-testid="result">{went} {pressed} {CONFIRMED.read()}</pre>')
if "progress" in st.query_params:
    is_done = draw_progress(count_up, key=f"work{case}", every_s=0.2)
    st.caption("The work is done." if is_done else "The work goes on.")
if "controls" in st.query_params:
    st.stop()
reasons = {"record_duplicate": 400, "required_missing": 118, "cancelled": 50}
draw_balance_sheet(
    SimpleNamespace(extracted=20_000, delivered=19_432, unchanged=0, rejected=518, held=50, reasons=reasons)
)
with error_panel():
    raise NotReadOnly(
        "The query has two statements.", hint="Keep one SELECT and delete the rest.", code="two_statements"
    )
with error_panel("saving the mapping"):
    raise ZeroDivisionError
draw_check_list(
    [
        check("C1", "Sources are enabled", "passed", evidence="2 of 2 sources are enabled", took_ms=12),
        check(
            "C4",
            "Warehouse user can write",
            "warning",
            cause="The login can read but not write.",
            evidence={"role": "analyst", "schema": "__onramp"},
            fix="GRANT CREATE ON DATABASE shop TO analyst;",
            took_ms=1240,
        ),
        check("C7", "Mapping is complete", "failed", cause="User ID is not mapped.", fix="Map a column to User ID."),
        check("C9", "Traits are computed", "running"),
    ]
)
draw_empty_state(
    ":material/sync:", "No sync yet", "A sync sends rows to a destination.", action="Open the guided setup"
)
columns = [
    column("id", "VARCHAR", "text"),
    column("email", "VARCHAR", "text"),
    column("amount", "DECIMAL(10,2)", "decimal"),
    column("created_at", "TIMESTAMP WITH TIME ZONE", "timestamptz"),
]
rows = pa.table(
    {
        "id": [f"C-{number:05}" for number in range(10)],
        "email": [None, "", *(f"Łukasz{number}@example.com" for number in range(8))],
        "amount": [Decimal("19.90")] * 10,
        "created_at": [datetime(2026, 1, 1, tzinfo=UTC)] * 10,
    }
)
draw_preview_table(SimpleNamespace(columns=columns, rows=rows))
draw_column_profiles(
    [
        SimpleNamespace(
            name=one.name,
            type=one.type,
            rows=20_000,
            nulls=index * 700,
            null_share=index * 0.035,
            distinct=20_000 - index * 3000,
            longest_chars=20,
            longest="x" * 20,
            minimum="a",
            maximum="z",
            sample=("alpha", "beta", "gamma"),
        )
        for index, one in enumerate(columns)
    ]
)
