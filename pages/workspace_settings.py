"""Workspace settings: name, what is included, and who changed what."""

import pandas as pd
import streamlit as st

from components.error_panel import error_panel
from components.format import format_time
from components.state import get_workspace
from core.setup.entitlements import list_usage
from core.workspaces.audit import list_changes
from core.workspaces.workspace import get_workspace_info, rename_workspace

workspace = get_workspace()
st.title("Workspace settings", anchor=False)

with error_panel():
    info = get_workspace_info(workspace)
    with st.form("rename", border=True):
        name = st.text_input("Workspace name", value=info.name, max_chars=80)
        if st.form_submit_button("Save name") and name.strip() and name != info.name:
            rename_workspace(workspace, name.strip())
            st.toast("Saved.", icon=":material/check:")

    st.subheader("Entitlements and limitations", anchor="entitlements")
    st.caption("Nothing stops working over a limit; only creating more is refused.")
    st.dataframe(
        pd.DataFrame(
            [{"": usage.label, "used": usage.used, "included": usage.limit} for usage in list_usage(workspace)]
        ),
        hide_index=True,
    )

    st.subheader("Audit trail", anchor=False)
    changes = list_changes(workspace)
    if not changes:
        st.info("Nothing has been changed yet.", icon=":material/history:")
    else:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "when": format_time(change.at),
                        "who": change.actor,
                        "what": f"{change.action} {change.object_type.replace('_', ' ')}",
                        "object": change.object_id,
                        "before": str(change.before or ""),
                        "after": str(change.after or ""),
                    }
                    for change in changes
                ]
            ),
            hide_index=True,
        )
