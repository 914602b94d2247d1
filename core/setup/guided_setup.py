"""The guided setup as one module: where it stands, and every action of its four steps.

`get_setup` tells where it stands. Every action returns the setup as it is afterwards, takes the version that the
caller saw as `expected_version`, and refuses with a sentence what is locked. The actions live in one file a step.
"""

from __future__ import annotations

from core.setup.branches import BRANCHES, PRODUCT_BRANCHES, WARNING_TEXT, WARNING_TITLE, Branch, Connection
from core.setup.configuration import get_latest_checks, run_checks_anytime, run_setup_checks
from core.setup.connections import connect_warehouse, create_mapping, define_sql_model, mark_previewed, preview_sql
from core.setup.data_sources import choose_branch, confirm_branch
from core.setup.draft_mapping import (
    check_draft_mapping,
    make_draft_test_record,
    send_draft_test_record,
    suggest_draft_mapping,
)
from core.setup.drafts import get_draft_mapping, get_draft_sql, save_draft_mapping, save_draft_sql, save_draft_traits
from core.setup.event_sources import (
    MobileSystem,
    connect_mobile,
    connect_website,
    finish_test,
    look_for_views,
    require_view,
)
from core.setup.identifiers_and_traits import (
    MAX_TRAITS,
    add_custom_identifier,
    add_default_identifiers,
    delete_identifier,
    edit_identifier,
    save_traits,
)
from core.setup.status import Draft, Setup, get_setup
from core.setup.steps import ConnectionStep, Step, Tile, TileState

run_checks = run_setup_checks

__all__ = [
    "BRANCHES",
    "MAX_TRAITS",
    "PRODUCT_BRANCHES",
    "WARNING_TEXT",
    "WARNING_TITLE",
    "Branch",
    "Connection",
    "ConnectionStep",
    "Draft",
    "MobileSystem",
    "Setup",
    "Step",
    "Tile",
    "TileState",
    "add_custom_identifier",
    "add_default_identifiers",
    "check_draft_mapping",
    "choose_branch",
    "confirm_branch",
    "connect_mobile",
    "connect_warehouse",
    "connect_website",
    "create_mapping",
    "define_sql_model",
    "delete_identifier",
    "edit_identifier",
    "finish_test",
    "get_draft_mapping",
    "get_draft_sql",
    "get_latest_checks",
    "get_setup",
    "look_for_views",
    "make_draft_test_record",
    "mark_previewed",
    "preview_sql",
    "require_view",
    "run_checks",
    "run_checks_anytime",
    "run_setup_checks",
    "save_draft_mapping",
    "save_draft_sql",
    "save_draft_traits",
    "save_traits",
    "send_draft_test_record",
    "suggest_draft_mapping",
]
