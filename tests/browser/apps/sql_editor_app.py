"""The SQL editor alone: `?error=1` marks a place, and with each `?case=N` it begins anew."""

import html
import json

import streamlit as st
from cases import begin_case

from components.frame import draw_style
from components.sql_editor import draw_sql_editor
from components.state import SessionValue
from core.errors import SqlSyntaxError

st.set_page_config(page_title="SQL editor", layout="wide")
draw_style()
SAVED = SessionValue("saved", lambda: "select customer_id\nfrom salesforce.accounts\n")
PRESSED = SessionValue("pressed", int)
case = begin_case()

if st.button("Take a sample"):
    SAVED.write("select 1 as sample")
state = draw_sql_editor(
    SAVED.read(),
    {
        "salesforce.accounts": ["customer_id", "billing_country", "phone"],
        "salesforce.contacts": ["contact_id", "mailing_country"],
        "main.orders": ["order_id", "total"],
    },
    "duckdb",
    f"editor{case}",
    error=SqlSyntaxError("There is no column here.", context={"line": 2, "column": 6})
    if "error" in st.query_params
    else None,
)
SAVED.write(state.text)
PRESSED.write(PRESSED.read() + state.run)
st.html(f'<pre data-testid="result">{html.escape(json.dumps([state.text, PRESSED.read()]))}</pre>')
