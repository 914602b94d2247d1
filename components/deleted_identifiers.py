"""Identifiers that were deleted from people through the Profile API: which, when, and with which token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from components.format import format_count, format_time
from core.profiles.list_deleted import MAX_LISTED, DeletionEntry


def draw_deleted_identifiers(found: Sequence[DeletionEntry], spaces: Mapping[str, str] | None = None) -> None:
    """Draw deletions, the newest first; `spaces` are names by id, where they are of several people."""
    table = {
        "Deleted identifier": [each.type for each in found],
        "Value": [each.value for each in found],
        "When": [format_time(each.deleted_at) for each in found],
        "With the token": [each.deleted_by for each in found],
    }
    if spaces is not None:
        table["Profile"] = [each.profile_id for each in found]
        table["Space"] = [spaces.get(each.space_id, each.space_id) for each in found]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Identifiers that were deleted, the newest first")
    newest = f"The newest {format_count(MAX_LISTED, 'deletion')}. " if len(found) == MAX_LISTED else ""
    st.caption(f"{newest}A message that came after a deletion may have brought the identifier again.")
