"""One person on one sheet of paper, for a call: the most telling on a line each, and how much more there is.

A4 and US Letter both hold it: the counts below, times the height of a line in profile_paper.css.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from components.assets import read_component_file
from components.format import format_count, format_date, format_time
from components.identity_graph import list_tie_groups
from components.profile_timeline import format_details
from core.profiles.profile import Profile
from core.profiles.tie_tree import TieTree
from core.profiles.timeline import TimelineEntry
from core.workspaces.workspace import Workspace

IDENTIFIERS = 12
PREDICTIONS = 3
REASONS = 2
ACCOUNTS = 3
TRAITS = 24
TIES = 6

Fact = tuple[str, str, str]
"""A name, its value and a note; the note may have several lines."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What may stand on the sheet, the most telling first; the notes of `predictions` are their reasons."""

    identifiers: Sequence[Fact]
    predictions: Sequence[Fact]
    accounts: Sequence[Fact]
    traits: Sequence[Fact]
    tree: TieTree
    entries: Sequence[TimelineEntry]


def draw_paper(workspace: Workspace, profile: Profile, paper: Paper) -> None:
    """Draw the sheet for the printer; on the screen it is not seen."""
    known = f"Known since {format_date(profile.created_at)}, last heard {format_time(profile.updated_at)}"
    groups = list_tie_groups(paper.tree)
    untold = sum(count for _, count in groups[TIES:]) + sum(paper.tree.left_out.values())
    predictions = [line for fact in paper.predictions[:PREDICTIONS] for line in _write_prediction(*fact)]
    parts = (
        f"<h1>{html.escape(profile.title)}</h1>",
        f"<p>{html.escape(known)} · printed {html.escape(format_time(workspace.now()))} · {profile.id}</p>",
        '<div class="halves"><div>',
        _write_part(
            "How to reach and recognise them, and the day last seen",
            _write_facts(paper.identifiers, IDENTIFIERS),
            "dated",
        ),
        _write_rest(len(paper.identifiers) - IDENTIFIERS, "identifier"),
        "</div><div>",
        _write_part("What is predicted", predictions),
        _write_rest(len(paper.predictions) - PREDICTIONS, "prediction"),
        _write_part("Accounts", _write_facts(paper.accounts, ACCOUNTS)),
        _write_rest(len(paper.accounts) - ACCOUNTS, "account"),
        "</div></div>",
        _write_part("What is known, and since when", _write_facts(paper.traits, TRAITS), "dated columns"),
        _write_rest(len(paper.traits) - TRAITS, "trait"),
        _write_part("What ties them together", _write_facts([fact for fact, _ in groups], TIES)),
        _write_rest(untold, "identifier"),
        _write_part("What happened last", [_write_entry(entry) for entry in paper.entries]),
    )
    style = read_component_file("profile_paper.css")
    st.html(f'<style>{style}</style><article class="onramp-paper">{"".join(parts)}</article>')


def _write_part(title: str, lines: Sequence[str], style: str = "") -> str:
    if not lines:
        return ""
    return f'<h2>{title}</h2><ul class="{style}">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'


def _write_rest(count: int, noun: str) -> str:
    return f"<p>and {format_count(count, f'more {noun}')}</p>" if count > 0 else ""


def _write_facts(facts: Sequence[Fact], limit: int) -> list[str]:
    return [_write_line(*fact) for fact in facts[:limit]]


def _write_line(name: str, value: str, note: str = "") -> str:
    said = f"<small>{html.escape(note)}</small>" if note else ""
    return f"<span>{html.escape(name)}</span><b>{html.escape(value)}</b>{said}"


def _write_prediction(name: str, value: str, note: str) -> list[str]:
    return [_write_line(name, value), *(f"<em>{html.escape(reason)}</em>" for reason in note.splitlines()[:REASONS])]


def _write_entry(entry: TimelineEntry) -> str:
    return _write_line(format_time(entry.at), entry.title, format_details(entry))
