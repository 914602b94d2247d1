"""The mapping editor alone: `?columns=N&fields=N` makes it large, `?fragment=1` gives it a fragment of its own.

With each `?case=N` it begins anew.
"""

import html
import json
from types import SimpleNamespace

import streamlit as st
from cases import begin_case

from components.frame import draw_style
from components.mapping_editor import draw_mapping_editor
from components.state import SessionValue
from core.fields import Field, FieldType
from core.mappings.check import FieldReport, MappingReport
from core.mappings.mapping import ColumnRef, Constant, FieldMapping, MappingEntry
from core.warehouses.definition import ColumnType, Kind

st.set_page_config(page_title="Mapping editor", layout="wide")
draw_style()
RUNS = SessionValue("runs", int)
SAVED = SessionValue("saved", FieldMapping)
case = begin_case()

NAMES = ["user_id", "email", "first_name", "last_name", "phone", "plan", "created_at", "mrr", "is_vip", "country"]
names = NAMES + [f"column_{number}" for number in range(int(st.query_params.get("columns", 0)))]
KINDS = {"created_at": Kind.TIMESTAMPTZ, "mrr": Kind.DECIMAL, "is_vip": Kind.BOOLEAN}
columns = [ColumnType(name, "VARCHAR", KINDS.get(name, Kind.TEXT)) for name in names]
fields = [
    Field("engage_space", "Profile Space", "The space that the profile belongs to.", required=True),
    Field("user_id", "User ID", "The id of the customer in your database.", required=True),
    Field("anonymous_id", "Anonymous ID"),
    Field("group_id", "Group ID"),
    Field("timestamp", "Timestamp", type=FieldType.DATETIME),
    *(Field(f"field_{number}", f"Field {number}") for number in range(int(st.query_params.get("fields", 0)))),
    Field("traits", "Traits", type=FieldType.OBJECT, free_keys=True),
]
suggestions = [
    SimpleNamespace(entry=MappingEntry("user_id", None, ColumnRef("user_id")), reason="The name is the same"),
    SimpleNamespace(entry=MappingEntry("traits", "email", ColumnRef("email")), reason="Looks like e-mail addresses"),
    SimpleNamespace(entry=MappingEntry("traits", "phone", ColumnRef("phone")), reason="Looks like phone numbers"),
]
report = MappingReport(
    20_000,
    0,
    {},
    (
        FieldReport("user_id", None, 20_000, 0, 1.0, 0, ()),
        FieldReport("traits", "plan", 18_000, 2_000, 0.9, 12, ("gold?", "n/a")),
    ),
)

RUNS.write(RUNS.read() + 1)
if st.button("Load a saved mapping"):
    SAVED.write(
        FieldMapping(
            (
                MappingEntry("engage_space", None, Constant("spa_1")),
                MappingEntry("user_id", None, ColumnRef("user_id")),
                MappingEntry("group_id", None, ColumnRef("a_column_that_is_gone")),
                MappingEntry("traits", "plan", ColumnRef("plan")),
                MappingEntry("traits", "origin", Constant("warehouse")),
            )
        )
    )
mapping = draw_mapping_editor(
    columns,
    fields,
    SAVED.read(),
    f"editor{case}",
    suggestions if "plain" not in st.query_params else (),
    samples={"email": "ada@example.com", "phone": "+1 555 0100", "plan": "gold"},
    report=report,
    choices={"engage_space": [("spa_1", "Development"), ("spa_2", "Production")]},
    on_change=SAVED.write if "fragment" in st.query_params else None,
)
if "fragment" not in st.query_params:
    SAVED.write(mapping)
st.button("Run the page")
st.html(f'<pre data-testid="result">{html.escape(json.dumps(SAVED.read().to_dict()))}</pre>')
st.caption(f"page runs {RUNS.read()}")
