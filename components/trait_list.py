"""The computed traits of a space: each with its status, how fresh it is and how many have it; one is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.address import keep
from components.choice_table import draw_choice_table
from components.confirm import confirm
from components.error_panel import error_panel
from components.format import NONE, format_count, format_number, format_share, format_time
from components.plain_text import draw_heading, escape_markdown
from components.trait_words import KINDS, SCOPES, STATUSES, describe_definition
from core.errors import CoreError
from core.traits.computed_trait import ComputedTrait, Scope, TraitKind, TraitStatus
from core.traits.export import LAYOUTS, ExportLayout, export_trait
from core.traits.figures import TraitFigures, read_figures
from core.traits.store import delete_trait, disable_trait, enable_trait
from core.workspaces.workspace import Workspace

LOOK_AGAIN_S = 2.0


def draw_traits(workspace: Workspace, space_id: str) -> None:
    """Draw the table and, under it, the chosen trait; while something is being computed it draws itself again."""
    first = read_figures(workspace, space_id)
    is_moving = any(each.is_moving for each in first)
    unseen = [first]  # drawn with the page; what the fragment draws by itself is read again

    @st.fragment(run_every=LOOK_AGAIN_S if is_moving else None)
    @error_panel("reading the traits")
    def draw() -> None:
        figures = unseen.pop() if unseen else read_figures(workspace, space_id)
        if is_moving and not any(each.is_moving for each in figures):
            st.rerun()  # the page stops looking
        _draw_table(workspace, figures)

    draw()


def _draw_table(workspace: Workspace, figures: Sequence[TraitFigures]) -> None:
    by_id = {each.trait.id: each for each in figures}
    first = next(iter(by_id)) if len(by_id) == 1 else None
    chosen = draw_choice_table(
        {
            "Trait": [each.trait.name for each in figures],
            "Status": [STATUSES[each.trait.status][0] for each in figures],
            "Have it": [format_number(each.owners) for each in figures],
            "Freshness": [_describe_freshness(each) for each in figures],
            "Kind": [KINDS[TraitKind(each.trait.kind)] for each in figures],
            "Of": [SCOPES[each.trait.scope] for each in figures],
        },
        list(by_id),
        st.query_params.get("trait", first),
        key="computed_traits",
        alt="Computed traits of this space",
    )
    keep("trait", chosen if chosen in by_id else None)
    if chosen in by_id:
        _draw_trait(workspace, by_id[chosen])
    else:
        st.caption("Pick a trait to see what it counts, to change, export or delete it.")


def _describe_freshness(figures: TraitFigures) -> str:
    trait = figures.trait
    if trait.status is TraitStatus.COMPUTING:
        return f"{format_share(trait.progress or 0.0)} of the history"
    if trait.status is TraitStatus.PREPARING:
        return "Waits for the worker"
    if trait.status is not TraitStatus.LIVE:
        return NONE
    return "Up to date" if not figures.behind else f"{format_count(figures.behind, 'message')} behind"


def _draw_trait(workspace: Workspace, figures: TraitFigures) -> None:
    trait = figures.trait
    label, icon, color = STATUSES[trait.status]
    with st.container(border=True, key="trait_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            draw_heading(trait.name)
            st.badge(label, icon=icon, color=color)  # type: ignore[arg-type]
        st.markdown(escape_markdown(describe_definition(trait.kind, trait.definition)))
        nouns = ("account", "accounts") if trait.scope is Scope.ACCOUNT else ("person", "people")
        has = f"{format_number(figures.owners)} {nouns[0] if figures.owners == 1 else nouns[1]}"
        st.caption(f"`{trait.key}` · {has} · {_describe_freshness(figures)} · since {format_time(trait.created_at)}")
        if trait.status is TraitStatus.COMPUTING:
            st.progress(trait.progress or 0.0, text="Counting the history; profiles wait for it, nothing is lost")
        if trait.failure:
            st.error(escape_markdown(trait.failure), icon=":material/error:")
        if trait.status is TraitStatus.DISABLED:
            st.caption("Its values stay as they were. Enabling it computes the whole history again.")
        _draw_actions(workspace, trait)
        if figures.owners:
            _draw_export(workspace, trait)


_KEPT = {
    Scope.USER: "**The value stays on the profiles as a custom trait**, until something else sets it or the profiles"
    " are built anew.",
    Scope.ACCOUNT: "**The value stays on the accounts as a custom trait**, until something newer sets it.",
}


def _draw_actions(workspace: Workspace, trait: ComputedTrait) -> None:
    with st.container(horizontal=True):
        if st.button("Edit", icon=":material/edit:", key="edit_trait"):
            keep("edit", trait.id)
            st.rerun()
        if trait.enabled and not trait.failure:
            if st.button("Disable", icon=":material/pause:", key="disable_trait"):
                _do("disabling the trait", lambda: disable_trait(workspace, trait.id))
        elif st.button("Try again" if trait.failure else "Enable", icon=":material/play_arrow:", key="enable_trait"):
            _do("enabling the trait", lambda: enable_trait(workspace, trait.id))
        if st.button("Delete …", icon=":material/delete:", type="tertiary", key="delete_trait"):
            confirm(
                f"Delete {escape_markdown(trait.name)}?",
                f"It is not computed any more. {_KEPT[trait.scope]}",
                lambda: delete_trait(workspace, trait.id),
                confirm_label="Delete trait",
            )


def _do(during: str, work: object) -> None:
    with error_panel(during):
        work()  # type: ignore[operator]
        st.rerun()


def _draw_export(workspace: Workspace, trait: ComputedTrait) -> None:
    with st.expander("Export as CSV", icon=":material/download:"):
        layout = st.radio(
            "Identifiers", list(LAYOUTS), format_func=lambda each: LAYOUTS[each], key=f"layout_{trait.id}"
        )
        st.download_button(
            "Download",
            lambda: _make_file(workspace, trait, layout),
            file_name=f"{trait.key}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"download_{trait.id}",
        )


def _make_file(workspace: Workspace, trait: ComputedTrait, layout: ExportLayout) -> str:
    try:
        return "".join(export_trait(workspace, trait, layout))
    except CoreError as error:  # there is no page to draw it on: the file says it
        return f"{error.message} {error.hint}\n"
