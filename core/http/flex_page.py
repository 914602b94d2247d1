"""The Flex view as a page: HTML and one style, nothing else, so that it can be shown in any frame and needs no host.

Every text of a customer is escaped, and no script may run (the Content-Security-Policy allows none).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from core.clock import to_iso
from core.traits.flex_view import Fact, FlexView, ViewAccount, ViewEvent, ViewPrediction, label_key

STYLE = (Path(__file__).parent / "flex_view.css").read_text(encoding="utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
THEMES = ("light", "dark")
MAX_IDENTIFIERS = 8
MAX_ID_CHARS = 20
"""Of what a program made up, such as a cookie's id; the whole of it is in the item's title."""
_FIRST = ("phone", "email", "user_id")
_WORDS = {"user_id": "User ID", "email": "Email", "phone": "Phone", "anonymous_id": "Visitor"}
_UNITS = ((86_400 * 365, "year"), (86_400 * 30, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def draw_person(view: FlexView, now: datetime, theme: str) -> str:
    """Return the card of one person."""
    parts = [
        _draw_head(view, now),
        '<div class="cards">',
        _draw_section("Predictions", "".join(_draw_prediction(each) for each in view.predictions)),
        _draw_section("Computed from events", _draw_facts(view.computed)),
        _draw_section("Traits", _draw_facts(view.traits), note=_say_more(view.more_traits)),
        _draw_section(
            "Account" if len(view.accounts) == 1 else "Accounts",
            "".join(_draw_account(each) for each in view.accounts),
            note=_say_more(view.more_accounts),
        ),
        _draw_section("Last events", _draw_events(view.events, now), empty="No page, screen or event yet."),
        "</div>",
        f'<footer class="quiet"><span>{escape(view.profile_id)}</span><a href="">Refresh</a></footer>',
    ]
    return _draw_page(view.title, "".join(parts), theme)


def draw_nobody(who: str, theme: str) -> str:
    """Return the page for somebody who is not known."""
    text = (
        f"<h1>Nobody is known by {_bold(who)}</h1>"
        '<p class="quiet">A new customer, or one who gave another number or address before. Check how it is written: a '
        "phone number with its country code, such as +14155550100.</p>"
    )
    return _draw_page("Not known", f'<section class="empty">{text}</section>', theme)


def draw_choice(who: str, people: Sequence[tuple[FlexView, str]], theme: str) -> str:
    """Return the page for a text that means several people, each with a link of its own."""
    rows = "".join(
        f'<li><span><a href="{escape(link)}">{escape(view.title)}</a><br><span class="quiet">'
        f"{escape(' · '.join(value for _, value in view.identifiers[:4]))}</span></span></li>"
        for view, link in people
    )
    head = f'<header><h1>{len(people)} people are known by {_bold(who)}</h1><p class="quiet">Choose one.</p></header>'
    return _draw_page("Several people", f"{head}<section><ol>{rows}</ol></section>", theme)


def draw_ended(theme: str) -> str:
    """Return the page for a link that opens nothing any more."""
    text = (
        "<h1>This link has ended</h1>"
        '<p class="quiet">Links to a customer are for a short time. Open the customer from the desktop again.</p>'
    )
    return _draw_page("Link has ended", f'<section class="empty">{text}</section>', theme)


def draw_failure(number: str, theme: str) -> str:
    """Return the page for a failure on our side."""
    text = (
        "<h1>The customer cannot be shown now</h1>"
        f'<p class="quiet">Try again in a moment. The log knows what happened under {escape(number)}.</p>'
        '<p><a href="">Try again</a></p>'
    )
    return _draw_page("Not now", f'<section class="empty">{text}</section>', theme)


def _draw_page(title: str, body: str, theme: str) -> str:
    chosen = f' data-theme="{theme}"' if theme in THEMES else ""
    return (
        f'<!doctype html><html lang="en"{chosen}><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _draw_head(view: FlexView, now: datetime) -> str:
    ranked = sorted(view.identifiers, key=lambda pair: _FIRST.index(pair[0]) if pair[0] in _FIRST else len(_FIRST))
    items = "".join(_draw_identifier(type_, value) for type_, value in ranked[:MAX_IDENTIFIERS])
    seen = f"Last seen {_tell_time(view.last_seen_at, now)} · known since {_draw_date(view.known_since)}"
    return (
        f'<header><h1>{escape(view.title)}</h1><p class="quiet">{seen}{_say_more(len(ranked) - MAX_IDENTIFIERS)}</p>'
        f'<ul class="ids">{items}</ul></header>'
    )


def _draw_identifier(type_: str, value: str) -> str:
    is_long = type_ not in _FIRST and len(value) > MAX_ID_CHARS
    title = f' title="{escape(value)}"' if is_long else ""
    shown = f"{value[:8]}…{value[-4:]}" if is_long else value
    return f"<li{title}><b>{escape(_WORDS.get(type_, label_key(type_)))}</b>{escape(shown)}</li>"


def _draw_section(heading: str, inner: str, *, note: str = "", empty: str = "") -> str:
    if not inner and not empty:
        return ""
    text = inner or f'<p class="quiet">{escape(empty)}</p>'
    more = f'<p class="quiet">{note.removeprefix(" · ")}</p>' if note else ""
    return f"<section><h2>{escape(heading)}</h2>{text}{more}</section>"


def _draw_prediction(each: ViewPrediction) -> str:
    value = ""
    if each.amount is not None:
        value = f"{each.amount:,.2f} expected"
    elif each.chance is not None:
        value = f"{each.chance:.0%} likely"
    meter = told = ""
    if each.score is not None:
        score = min(max(float(each.score), 0.0), 1.0)
        meter = f'<meter value="{score:.3f}" aria-label="{escape(each.label)}">{score:.0%}</meter>'
        told = f'<p class="quiet">Higher than {score:.0%} of customers</p>'
    reasons = "".join(
        f'<li class="{"raises" if raises else "lowers"}">{escape(text)}</li>' for text, raises in each.reasons
    )
    reasons = f'<ul class="reasons">{reasons}</ul>' if reasons else ""
    head = f"<p><span>{escape(each.label)}</span><span>{escape(value)}</span></p>"
    return f'<div class="prediction">{head}{meter}{told}{reasons}</div>'


def _draw_facts(facts: Iterable[Fact]) -> str:
    rows = "".join(
        f'<div><dt title="{escape(fact.key)}">{escape(fact.label)}</dt><dd>{escape(show_value(fact.value))}</dd></div>'
        for fact in facts
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _draw_account(account: ViewAccount) -> str:
    number = f'<span class="quiet">{escape(account.id)}</span>' if account.name else ""
    more = f'<p class="quiet">{_say_more(account.more_traits).removeprefix(" · ")}</p>' if account.more_traits else ""
    head = f"<p><span>{escape(account.name or account.id)}</span>{number}</p>"
    return f'<div class="account">{head}{_draw_facts(account.traits)}{more}</div>'


def _draw_events(events: Sequence[ViewEvent], now: datetime) -> str:
    rows = "".join(
        f"<li><span><b>{escape(each.name)}</b>{_draw_details(each)}</span>{_draw_time(each.at, now)}</li>"
        for each in events
    )
    return f"<ol>{rows}</ol>" if rows else ""


def _draw_details(event: ViewEvent) -> str:
    text = " · ".join(f"{label_key(key)}: {show_value(value)}" for key, value in event.details)
    return f'<br><span class="quiet">{escape(text)}</span>' if text else ""


def _draw_time(at: datetime, now: datetime) -> str:
    return f'<time datetime="{to_iso(at)}" title="{at:%-d %b %Y, %H:%M} UTC">{_tell_time(at, now)}</time>'


def _draw_date(at: datetime) -> str:
    return f"{at:%-d %b %Y}"


def _bold(who: str) -> str:
    return f"<b>{escape(who)}</b>"


def _say_more(number: int) -> str:
    return f" · and {number:,} more" if number > 0 else ""


def _tell_time(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    for size_s, noun in _UNITS:
        count = int(seconds // size_s)
        if count >= 1:
            return f"{count} {noun}{'' if count == 1 else 's'} ago"
    return "just now" if seconds >= 0 else f"on {_draw_date(at)}"


def show_value(value: object) -> str:
    """Return a trait's value as people read it.

    Example:
        >>> show_value(True), show_value(12480), show_value(0.5), show_value(["a", 1]), show_value(2026)
        ('Yes', '12,480', '0.5', 'a, 1', '2026')
    """
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)  # years and short numbers as they are
    if isinstance(value, list):
        return ", ".join(show_value(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)
