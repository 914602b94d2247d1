"""One person on one sheet: who it is, how to reach them, what is known, what came last."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import streamlit as st

from components.format import format_ago, format_count, format_date, format_number, format_share, format_time, shorten
from components.identity_graph import draw_identity_graph
from components.navigation import draw_link
from components.plain_text import draw_strong, escape_markdown
from components.profile_paper import Fact, Paper, draw_paper
from components.profile_timeline import draw_lines
from core.profiles.accounts import Account, list_accounts
from core.profiles.profile import Profile, ProfileTrait, put_reach_first
from core.profiles.tie_tree import grow_tree
from core.profiles.timeline import list_timeline
from core.traits.accounts import AccountTrait, choose_account_name, list_account_traits
from core.workspaces.workspace import Workspace

LAST_ENTRIES = 10
_ENTRIES_LOOKED_AT = 40  # of those that came last, as some tell of what happened before
MAX_TRAITS = 40
MAX_ACCOUNTS = 5
MAX_ACCOUNT_TRAITS = 20
VALUE_CHARS = 160
_STYLE = """
<style>
.onramp-facts { display: grid; grid-template-columns: minmax(7rem, 1fr) 2fr; gap: .3rem .9rem; margin: 0 !important;
  padding: 0 !important; }
.onramp-facts, .onramp-lines { font-size: .9rem; }
.onramp-facts dt { margin: 0; font-weight: 400; opacity: .75; overflow-wrap: anywhere; }
.onramp-facts dd { margin: 0; overflow-wrap: anywhere; }
.onramp-facts small { display: block; opacity: .75; font-size: .78rem; }
.onramp-lines { list-style: none; margin: 0 !important; padding: 0 !important; }
.onramp-lines li { margin: 0 !important; padding: .3rem 0 !important;
  border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent);
  overflow-wrap: anywhere; }
.onramp-lines span { display: inline-block; min-width: 10.5rem; opacity: .75; font-size: .8rem; }
@media (max-width: 640px) {
  .onramp-lines span { display: block; }
}
</style>
"""


def draw_sheet(workspace: Workspace, profile: Profile) -> None:
    """Draw the sheet of one person."""
    st.html(_STYLE)
    predicted = [trait for trait in profile.traits if trait.origin.prediction]
    computed = [trait for trait in profile.traits if trait.origin.computed_trait]
    others = [trait for trait in profile.traits if trait not in predicted and trait not in computed]
    predictions = [_describe_prediction(workspace, trait) for trait in predicted]
    tree = grow_tree(workspace, profile)
    accounts = list_accounts(workspace, profile.space_id, profile.id)
    known = {
        account.group_id: list_account_traits(workspace, profile.space_id, account.group_id)
        for account in accounts[:MAX_ACCOUNTS]
    }
    newest = list_timeline(workspace, profile.space_id, profile.id, limit=_ENTRIES_LOOKED_AT)
    entries = sorted(newest, key=lambda entry: entry.at, reverse=True)[:LAST_ENTRIES]
    left, right = st.columns([1, 1], gap="large")
    with left:
        _draw_part("How to reach and recognise them", _list_identifiers(profile))
        if predictions:
            _draw_part("What is predicted", predictions)
        if computed:
            _draw_part("What is counted", _list_traits(workspace, computed))
        _draw_part("What is known", _list_traits(workspace, others[:MAX_TRAITS]))
        if len(others) > MAX_TRAITS:
            st.caption(f"{format_count(len(others) - MAX_TRAITS, 'trait')} more under **Traits**.")
    with right:
        st.markdown("##### What ties them together")
        draw_identity_graph(profile, tree)
        _draw_accounts(workspace, accounts, known)
    st.markdown(f"##### The last {LAST_ENTRIES} things that happened")
    if entries:
        draw_lines(entries)
    else:
        st.caption("No message of this person is in the event log any more.")
    st.caption(":material/print: Printing this page gives one sheet for a call.")
    draw_paper(
        workspace,
        profile,
        Paper(
            identifiers=[
                (each.type, each.value, format_date(each.last_seen_at)) for each in put_reach_first(profile.identifiers)
            ],
            predictions=predictions,
            accounts=[_summarise_account(account, known.get(account.group_id, ())) for account in accounts],
            traits=[_summarise_trait(trait) for trait in (*computed, *_put_telling_first(profile, others))],
            tree=tree,
            entries=entries,
        ),
    )


def _list_identifiers(profile: Profile) -> list[tuple[str, str, str]]:
    return [
        (each.type, each.value, f"last seen {format_time(each.last_seen_at)}")
        for each in put_reach_first(profile.identifiers)[:MAX_TRAITS]
    ]


def _list_traits(workspace: Workspace, traits: Iterable[ProfileTrait]) -> list[tuple[str, str, str]]:
    now = workspace.now()
    return [
        (
            trait.origin.computed_trait or trait.key,
            format_value(trait.value),
            format_ago(trait.updated_at, now) if trait.origin.computed_trait else _describe_origin(trait, now),
        )
        for trait in traits
    ]


def _describe_origin(trait: ProfileTrait, now: datetime) -> str:
    origin = trait.origin
    source = origin.sql_model or origin.source or origin.source_id or "a source that is gone"
    return f"{source}, {format_ago(trait.updated_at, now)}"


def _describe_prediction(workspace: Workspace, trait: ProfileTrait) -> tuple[str, str, str]:
    origin = trait.origin
    if trait.value == origin.amount:
        return str(trait.key), format_number(origin.amount), format_ago(trait.updated_at, workspace.now())
    score = trait.value if isinstance(trait.value, int | float) else None
    said = f"higher than {format_share(score)} of people"
    if origin.chance is not None:
        said += f", chance {format_share(origin.chance)}"
    reasons = [f"{'↑' if raises else '↓'} {sentence}" for sentence, raises in origin.reasons]
    return (
        str(origin.prediction),
        said,
        "\n".join([*reasons, f"Scored {format_ago(trait.updated_at, workspace.now())}"]),
    )


def format_value(value: object, limit_chars: int = VALUE_CHARS) -> str:
    """Return a trait's value on one line: a text as it is, anything else as JSON."""
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), limit_chars)


def _put_telling_first(profile: Profile, traits: Iterable[ProfileTrait]) -> list[ProfileTrait]:
    """Return the newest traits first, without those that the name and the identifiers say already."""
    told = [profile.title, *(each.value for each in profile.identifiers)]
    left = [trait for trait in traits if trait.value not in told]
    return sorted(left, key=lambda trait: trait.updated_at, reverse=True)


def _summarise_trait(trait: ProfileTrait) -> Fact:
    return trait.origin.computed_trait or trait.key, format_value(trait.value), format_date(trait.updated_at)


def _summarise_account(account: Account, traits: Sequence[AccountTrait]) -> Fact:
    name = choose_account_name(account, traits)
    known = " · ".join(f"{trait.key}: {format_value(trait.value)}" for trait in traits if trait.value != name)
    return account.group_id, name or "", known


def _draw_accounts(
    workspace: Workspace, accounts: Sequence[Account], known: Mapping[str, Sequence[AccountTrait]]
) -> None:
    now = workspace.now()
    if accounts:
        st.markdown("##### Accounts")
    for account in accounts[:MAX_ACCOUNTS]:
        traits = known[account.group_id]
        draw_strong(choose_account_name(account, traits) or account.group_id)
        called = account.called_at and f"last named by a group call {format_ago(account.called_at, now)}"
        st.caption(f"{escape_markdown(account.group_id)} · {called or 'named by events'}")
        _draw_facts(
            (trait.key, format_value(trait.value), f"{trait.origin}, {format_ago(trait.updated_at, now)}")
            for trait in traits[:MAX_ACCOUNT_TRAITS]
        )
        if len(traits) > MAX_ACCOUNT_TRAITS:
            st.caption(f"{format_count(len(traits) - MAX_ACCOUNT_TRAITS, 'trait')} more.")
        query = {"profile_search": f"group_id:{account.group_id}"}
        draw_link("profile-explorer", label="Everybody of this account", icon=":material/groups:", query=query)
    if len(accounts) > MAX_ACCOUNTS:
        st.caption(f"{format_count(len(accounts) - MAX_ACCOUNTS, 'account')} more.")


def _draw_part(title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    st.markdown(f"##### {title}")
    if not _draw_facts(rows):
        st.caption("Nothing yet.")


def _draw_facts(rows: Iterable[tuple[str, str, str]]) -> bool:
    """Draw names with their values, and below each its note, a line each; return whether there are any."""
    shown = "".join(
        f"<dt>{html.escape(name).replace('_', '_<wbr>')}</dt>"
        f"<dd>{html.escape(value)}{''.join(f'<small>{html.escape(line)}</small>' for line in note.splitlines())}</dd>"
        for name, value, note in rows
    )
    if shown:
        st.html(f'<dl class="onramp-facts">{shown}</dl>')
    return bool(shown)
