"""Find people as somebody types: by identifier, name or any trait, in the index and in what it has not reached yet.

A profile with exactly this identifier comes first, then the people of the account with this id, then the most recently
heard of. What the index has not reached is compared directly while it is little; where it is much,
`SearchResult.waiting` says how many could not be looked at.

Complexity: a few of the rarest trigrams of the text are intersected, then texts are compared until a page is full. One
or two signs name no trigram: beginnings of words are found everywhere, what stands inside a word among the newest.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import CompoundSelect, Connection, Select, literal, select

from core.profiles.accounts import list_account_people
from core.profiles.changes import Changes, read_newest
from core.profiles.lookup import clean_text, count_profiles, is_live, read_identifiers
from core.profiles.profile import ProfileSummary, choose_title, put_reach_first
from core.profiles.search_index import (
    Entry,
    IndexState,
    count_waiting,
    find_sign,
    index_path,
    open_index,
    read_entries,
    read_state,
)
from core.profiles.search_text import MIN_GRAM_WORD, Question, make_text, read_questions
from core.storage.bulk import select_in
from core.storage.tables import identifier_rules, identifiers, profiles
from core.workspaces.workspace import Workspace

MAX_DIRECT_PROFILES = 500
"""So many that the index has not reached are compared one by one: some 50 ms on a busy machine."""
SHORT_TEXT_PROFILES = 50_000
"""So many of the newest are read through for one or two signs that no word begins with."""
MAX_CANDIDATES = 5_000
"""So many profiles that hold all trigrams are compared; where more are needed, they have them in other words."""
COUNTED_PEOPLE = 100_000
"""So many are counted at each key while the index is behind; of more it tells how many there were a moment ago."""
PATIENCE_S = 0.12
"""After that no more is compared, so that a page comes while somebody types; what was not looked at is said."""
_GROUP_ID = "group_id"
_MAX_GRAMS = 6
_SAMPLE_PROFILES = 300
_SORTED_HITS = 100
"""So many hits at least are put in the order of their last message; they come in the order of their last change."""
_CHECKED_HITS = 100
"""So many hits are compared once more at a time where the index may tell what was."""
_CANDIDATES = (
    "SELECT t.profile_id, t.heard_at, t.text FROM grams g CROSS JOIN texts t ON t.id = g.rowid "
    "WHERE g.grams MATCH ? ORDER BY g.rowid DESC LIMIT ?"
)
_SCAN = "SELECT profile_id, heard_at, text FROM texts WHERE id > ? AND instr(text, ?) ORDER BY id DESC"
_STEPS = 20_000  # of SQLite's machine between two looks at the clock


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of people.

    Attributes:
        people: The page.
        has_more: Whether there is a next one.
        total: How many people can be found.
        waiting: About how many profiles were not looked at because the index has not reached them.
        is_partial: Whether the text is too short or too common to look at all; then the newest were looked at.
    """

    people: tuple[ProfileSummary, ...]
    has_more: bool
    total: int
    waiting: int = 0
    is_partial: bool = False


@dataclass(slots=True)
class _Hits:
    """Profile ids with the time of their last message; what is found after the deadline is found too late."""

    heard_at: dict[str, int]
    deadline: float
    is_partial: bool = False

    def is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def add(self, rows: Iterable[tuple[str, int]], limit: int) -> None:
        for profile_id, heard_at in rows:
            self.heard_at.setdefault(profile_id, heard_at)
            if len(self.heard_at) >= limit:
                return

    def stop_late(self, rows: Iterable[tuple[str, int, str]]) -> Iterator[tuple[str, int, str]]:
        """Pass the rows on until the deadline."""
        for row in rows:
            yield row
            if self.is_late():
                self.is_partial = True
                return


@dataclass(frozen=True, slots=True)
class _Direct:
    """What the index has not reached: entries to compare, all ids that it has wrong, how many could not be read."""

    entries: tuple[Entry, ...]
    stale: frozenset[str]
    left_out: int


@dataclass(slots=True)
class _Counted:
    """Rows that count how many were taken."""

    rows: Iterable[tuple[str, int, str]]
    count: int = 0

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        for row in self.rows:
            self.count += 1
            yield row


def search_profiles(
    workspace: Workspace, space_id: str, text: str, limit: int = 20, *, offset: int = 0
) -> SearchResult:
    """Return the profiles that hold every word of `text` in an identifier or a trait, in any letter case.

    `type:value` asks for one identifier type or trait key, `group_id:value` for the people of an account. Without text:
    the most recently heard of.

    Args:
        workspace: Where to look.
        space_id: Whose profiles.
        text: What a person typed; a phone number may have blanks, or no country code.
        limit: Page size; unit: profiles.
        offset: How many to pass over: those of the pages before.
    """
    deadline = time.monotonic() + PATIENCE_S
    wanted = clean_text(text)
    needed = offset + limit + 1
    path = index_path(workspace, space_id)
    with workspace.database.reading() as connection:
        exact = _find_exact(connection, space_id, wanted, needed) if wanted else []
        changes = read_newest(connection, space_id, max_profiles=MAX_DIRECT_PROFILES)
        try:
            with open_index(path) as index:
                state = IndexState() if index is None else read_state(index)
                direct = _read_direct(connection, space_id, state, changes)
                hits = _find(index, direct, wanted, needed, deadline)
        except sqlite3.DatabaseError:  # damaged or just being replaced: the worker makes it anew
            state = IndexState()
            direct = _read_direct(connection, space_id, state, changes)
            hits = _find(None, direct, wanted, needed, deadline)
        newest = sorted(hits.heard_at, key=lambda profile_id: (-hits.heard_at[profile_id], profile_id))
        if changes.left_out and wanted:
            newest = _keep_true(connection, space_id, newest, wanted, needed)
            hits.is_partial |= len(newest) < needed <= len(hits.heard_at)
        ids = list(dict.fromkeys([*exact, *newest]))
        people = summarise_profiles(connection, space_id, ids[offset : offset + limit])
    is_known = state.is_whole and (not direct.left_out or state.people > COUNTED_PEOPLE)
    total = state.people if is_known else count_profiles(workspace, space_id)
    return SearchResult(tuple(people), len(ids) > offset + limit, total, direct.left_out, hits.is_partial)


def _read_direct(connection: Connection, space_id: str, state: IndexState, changes: Changes) -> _Direct:
    ids = list(reversed(changes.profile_ids))
    left_out = max(len(ids) - MAX_DIRECT_PROFILES, 0) + changes.left_out
    if not state.is_whole:
        query = select(profiles.c.id).where(is_live(space_id), profiles.c.id > state.last_id)
        rest = connection.execute(query.order_by(profiles.c.id.desc()).limit(MAX_DIRECT_PROFILES + 1)).scalars().all()
        if len(rest) > MAX_DIRECT_PROFILES:
            left_out = count_waiting(connection, space_id, state.last_id) - MAX_DIRECT_PROFILES
        ids = list(dict.fromkeys([*ids, *rest]))
    entries = read_entries(connection, space_id, ids[:MAX_DIRECT_PROFILES])
    return _Direct(tuple(entries), frozenset(ids), left_out)


def _find(index: sqlite3.Connection | None, direct: _Direct, text: str, needed: int, deadline: float) -> _Hits:
    # however long it took to read what waits for the index, the index is asked, too
    hits = _Hits({}, max(deadline, time.monotonic() + PATIENCE_S / 2))
    limit = max(needed, _SORTED_HITS) + len(direct.stale)
    if not text:
        hits.add(((entry.profile_id, entry.heard_at) for entry in direct.entries), limit)
        if index is not None:
            rows = index.execute("SELECT profile_id, heard_at FROM texts ORDER BY heard_at DESC LIMIT ?", (limit,))
            hits.add((row for row in rows if row[0] not in direct.stale), limit)
        return hits
    pair = _read_pair(text)
    if pair is not None:
        _find_by_key(index, direct, *pair, limit, hits)
        if hits.heard_at:
            return hits
    texts = [_to_row(entry) for entry in direct.entries]
    for question in read_questions(text):  # also for a text that only looks like type:value, such as 10:30
        hits.add(_filter(texts, question, frozenset()), limit)
        if index is not None:
            _ask(index, direct, question, limit, hits)
    return hits


def _find_by_key(
    index: sqlite3.Connection | None, direct: _Direct, key: str, value: str, limit: int, hits: _Hits
) -> None:
    texts = [_to_row(entry, key) for entry in direct.entries]
    for question in read_questions(value, is_one_piece=True):
        hits.add(_filter(texts, question, frozenset()), limit)
        sign = find_sign(index, key) if index is not None else None
        if index is not None and sign is not None:
            _ask(index, direct, replace(question, sign=sign), limit, hits)


def _read_pair(text: str) -> tuple[str, str] | None:
    """Return the key and the value of `type:value`."""
    key, colon, value = text.partition(":")
    return (key.strip().lower(), value.strip()) if colon and key.strip() and value.strip() else None


def _keep_true(connection: Connection, space_id: str, ids: Sequence[str], text: str, needed: int) -> list[str]:
    """Return the first `needed` that hold the text now: of those that changed since, the index tells what was."""
    pair, found = _read_pair(text), list[str]()
    by_key = read_questions(pair[1], is_one_piece=True) if pair else ()
    for start in range(0, len(ids), _CHECKED_HITS):
        for entry in read_entries(connection, space_id, ids[start : start + _CHECKED_HITS]):
            rows = ((by_key, _to_row(entry, pair[0])[2] if pair else ""), (read_questions(text), _to_row(entry)[2]))
            if any(question.matches(row) for questions, row in rows for question in questions):
                found.append(entry.profile_id)
        if len(found) >= needed:
            break
    return found


def _to_row(entry: Entry, key: str | None = None) -> tuple[str, int, str]:
    values = (("", value) for name, value in entry.values if key in (None, name))
    return entry.profile_id, entry.heard_at, make_text(values)


def _ask(index: sqlite3.Connection, direct: _Direct, question: Question, limit: int, hits: _Hits) -> None:
    index.set_progress_handler(hits.is_late, _STEPS)
    try:
        for match in _make_matches(index, question):
            candidates = _Counted(hits.stop_late(index.execute(_CANDIDATES, (match, MAX_CANDIDATES))))
            hits.add(_filter(candidates, question, direct.stale), limit)
            hits.is_partial |= candidates.count == MAX_CANDIDATES
        if all(len(word) < MIN_GRAM_WORD for word in question.words) and question.sign is None:
            newest = index.execute("SELECT coalesce(max(id), 0) FROM texts").fetchone()[0] - SHORT_TEXT_PROFILES
            rows = index.execute(_SCAN, (newest, max(question.words, key=len)))
            hits.add(_filter(hits.stop_late(rows), question, direct.stale), limit)
            hits.is_partial |= len(hits.heard_at) < limit and newest > 0
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        hits.is_partial = True
    finally:
        index.set_progress_handler(None, 0)


def _filter(
    rows: Iterable[tuple[str, int, str]], question: Question, stale: frozenset[str]
) -> Iterator[tuple[str, int]]:
    for profile_id, heard_at, text in rows:
        if profile_id not in stale and question.matches(text):
            yield profile_id, heard_at


def _make_matches(index: sqlite3.Connection, question: Question) -> Iterator[str]:
    if question.sign is not None:
        yield _match_all(_choose_grams(index, (f"{question.sign}\n{question.words[0]}",)))  # the value begins so
        if len(question.words[0]) >= MIN_GRAM_WORD:
            head = f"\n{question.sign}\n"
            yield _match_all([head, *_choose_grams(index, question.words)])
        return
    long = tuple(word for word in question.words if len(word) >= MIN_GRAM_WORD)
    if long:
        yield _match_all(_choose_grams(index, long))
        return
    pairs = [word for word in question.words if len(word) == MIN_GRAM_WORD - 1]
    if pairs:
        yield " OR ".join(_quote(f"{before}{pairs[0]}") for before in ("\n", " "))


def _choose_grams(index: sqlite3.Connection, words: Sequence[str]) -> list[str]:
    """Return the rarest trigrams, of each word one before the second of any, as a sample of texts has them."""
    by_word = [list(dict.fromkeys(word[at : at + 3] for at in range(len(word) - 2))) for word in words]
    if sum(map(len, by_word)) > _MAX_GRAMS:
        query = "SELECT text FROM texts ORDER BY id DESC LIMIT ?"
        sample = [text for (text,) in index.execute(query, (_SAMPLE_PROFILES,))]
        for grams in by_word:
            counts = {gram: sum(gram in text for text in sample) for gram in grams}
            grams.sort(key=counts.__getitem__)
    ranked = [(place, gram) for grams in by_word for place, gram in enumerate(grams)]
    ranked.sort(key=lambda each: each[0])
    return list(dict.fromkeys(gram for _, gram in ranked))[:_MAX_GRAMS]


def _match_all(grams: Sequence[str]) -> str:
    return " AND ".join(_quote(gram) for gram in grams)


def _quote(gram: str) -> str:
    return '"' + gram.replace('"', '""') + '"'


def _find_exact(connection: Connection, space_id: str, text: str, needed: int) -> list[str]:
    found = _find_identified(connection, space_id, text)
    key, _, value = text.partition(":")
    group_ids = [text, value.strip()] if key.strip().lower() == _GROUP_ID else [text]
    for group_id in group_ids:
        found += list_account_people(connection, space_id, group_id, needed)
    return list(dict.fromkeys(found))


def _find_identified(connection: Connection, space_id: str, text: str) -> list[str]:
    type_, colon, value = text.partition(":")
    table = identifiers.c
    questions = read_questions(value or text, is_one_piece=True)
    digits = {f"+{word}" for question in questions for word in question.words if word.isdecimal()}
    anywhere, of_type = {text, text.lower(), *digits}, set[str]()
    ruled = select(identifier_rules.c.type).where(identifier_rules.c.space_id == space_id)
    types: Select[tuple[str]] | CompoundSelect[str] = ruled
    asked = type_.strip().lower()
    if colon:
        of_type = {value.strip(), value.strip().lower(), *digits}
        types = ruled.union(select(literal(asked)))  # an OR of both would read every identifier
    query = (
        select(table.profile_id, table.type, table.value)
        .where(table.space_id == space_id, table.type.in_(types), table.value.in_(anywhere | of_type))
        .order_by(table.type, table.value)
    )
    found = connection.execute(query).all()
    return [row.profile_id for row in found if row.value in anywhere or row.type == asked]


def summarise_profiles(connection: Connection, space_id: str, ids: Sequence[str]) -> list[ProfileSummary]:
    """Return what to call each of these people, in this order; those who are gone are left out."""
    columns = (profiles.c.id, profiles.c.traits, profiles.c.merged_into)
    rows = {row.id: row for row in select_in(connection, columns, {"space_id": space_id}, "id", ids)}
    known = read_identifiers(connection, space_id, ids)
    found = []
    for profile_id in ids:
        row = rows.get(profile_id)
        if row is None or row.merged_into is not None:  # gone since it was indexed
            continue
        traits = {key: entry[0] for key, entry in orjson.loads(row.traits).items()}
        its = known.get(profile_id, ())
        title = choose_title(profile_id, traits, its)
        subtitle = " · ".join(dict.fromkeys(each.value for each in put_reach_first(its) if each.value != title))
        found.append(ProfileSummary(profile_id, title, subtitle, its))
    return found
