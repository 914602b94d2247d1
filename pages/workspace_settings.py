"""Workspace settings: name, access, what is included, how long events are kept, where data lives, who changed what."""

import pandas as pd
import streamlit as st

from components.audit_trail import draw_audit_trail
from components.entitlement_meter import draw_meters
from components.error_panel import error_panel
from components.event_retention import draw_retention
from components.format import format_bytes, format_time
from components.state import get_workspace
from core.setup.entitlements import list_usage
from core.storage.home import measure_home
from core.workspaces.workspace import MAX_NAME_CHARS, Access, get_workspace_info, rename_workspace

ACCESS = {
    Access.NONE: "Nobody has requested access to the guided setup yet.",
    Access.REQUESTED: "Access to the guided setup is requested; `python -m core access accept` accepts it.",
    Access.ACCEPTED: "Access to the guided setup is accepted.",
}

workspace = get_workspace()
st.title("Workspace settings", anchor=False)

with error_panel("reading the settings"):
    info = get_workspace_info(workspace)
    with st.form("rename", border=True):
        name = st.text_input("Workspace name", value=info.name, max_chars=MAX_NAME_CHARS, key="workspace_name")
        if st.form_submit_button("Save name"):
            with error_panel("renaming the workspace"):
                if (name or "").strip() != info.name:
                    rename_workspace(workspace, name or "")
                    st.toast("Saved.", icon=":material/check:")
                    st.rerun()
    st.markdown(f":material/key: {ACCESS[info.access]}")
    times = [
        f"{word} {format_time(at)}"
        for word, at in (("Requested", info.requested_at), ("accepted", info.accepted_at))
        if at is not None
    ]
    if times:
        st.caption(" · ".join(times))

    st.subheader("Entitlements and limitations", anchor="entitlements")
    st.caption("Nothing stops working over a limit; only making more is refused.")
    draw_meters(list_usage(workspace))

    st.subheader("How long events are kept", anchor="retention")
    draw_retention(workspace)

    st.subheader("Where data lives", anchor="data")
    st.caption("Everything stays on this machine, in one folder. Copying it while the server is stopped is a backup.")
    st.code(str(workspace.home.root), language=None, wrap_lines=True)
    parts = measure_home(workspace.home)
    st.dataframe(
        pd.DataFrame(
            {
                "What": [part.label for part in parts],
                "Where": [part.path.name for part in parts],
                "Size": [format_bytes(part.size_bytes) for part in parts],
            }
        ),
        hide_index=True,
    )
    if not workspace.database.is_sqlite:
        st.caption("The configuration and the profiles are in the Postgres database of `ONRAMP_DATABASE_URL`.")

    st.subheader("Audit trail", anchor="audit")
    draw_audit_trail(workspace)
