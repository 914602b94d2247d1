"""The profile search: what is found, in what order, before and after the index has reached it; on both stores."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.identity.edits import RuleEdit
from core.identity.rules import add_identifiers, edit_identifier
from core.profiles import search
from core.profiles.build import rebuild
from core.profiles.search import search_profiles
from core.profiles.search_index import index_path, keep_search
from core.profiles.search_text import MAX_CHARS, fold, list_values, make_text
from core.storage.tables import profile_changes
from core.workspaces.workspace import Workspace
from tests.feeding import Feed

PEOPLE: dict[str, dict[str, object]] = {
    "ada": {"email": "Ada.Lovelace@Example.com", "first_name": "Ada", "last_name": "Lovelace", "city": "London"},
    "jm": {"email": "jm@example.de", "name": "Jürgen Müller", "phone": "+49 (30) 1234-567", "city": "Köln"},
    "li": {"email": "wei@example.cn", "name": "Li Wei", "phone": "+14155550123", "address": {"city": "Xi'an"}},
    "moe": {"email": "moe@example.org", "name": "Moe", "tags": ["vip", "Berliner"], "plan": "pro", "age": 7},
}
FOUND = {
    "ada": "ada",
    "LOVELACE": "ada",
    "love ada": "ada",
    "ada.lovelace@example.com": "ada",
    "city:lon": "ada",
    "city:ndo": "ada",
    "müller": "jm",
    "MULLER": "jm",
    "mueller": "jm",
    "koeln": "jm",
    "+49 30 1234": "jm",
    "030 12 34 567": "jm",
    "0049301234567": "jm",
    "phone:030 1234": "jm",
    "li": "li",
    "wei li": "li",
    "(415) 555-0123": "li",
    "xi'an": "li",
    "address.city:xi": "li",
    "vip": "moe",
    "berliner": "moe",
    "plan:PRO": "moe",
    "age:7": "moe",
}
NOT_FOUND = ("nobody at all", "city:berlin", "plan:basic", "ada müller", "\x00", "%", "10:30", '"', "🦊")


@pytest.fixture
def feed(workspace: Workspace) -> Feed:
    """Four people whose profiles are built."""
    return make_people(workspace)


def make_people(workspace: Workspace) -> Feed:
    feed = Feed(workspace)
    for user, traits in PEOPLE.items():
        feed.identify(user, traits=traits)
    feed.build()
    return feed


def find(feed: Feed, text: str) -> list[str]:
    found = search_profiles(feed.workspace, feed.space_id, text).people
    return [each.value for person in found for each in person.identifiers if each.type == "user_id"]


def test_the_same_people_are_found_before_while_and_after_they_are_indexed(store_workspace: Workspace) -> None:
    feed = make_people(store_workspace)
    for state in ("not indexed", "indexed", "indexed again"):
        for text, user in FOUND.items():
            assert find(feed, text)[:1] == [user], (state, text)
        for text in NOT_FOUND:
            assert find(feed, text) == ([] if text.strip("\0") else ["moe", "li", "jm", "ada"]), (state, text)
        assert find(feed, "") == ["moe", "li", "jm", "ada"]
        if state == "indexed":
            rebuild(feed.workspace, feed.space_id)
            feed.build()
        keep_search(feed.workspace)
    assert keep_search(feed.workspace) == 0


def test_what_changes_is_found_at_once_and_what_it_was_is_not(feed: Feed) -> None:
    keep_search(feed.workspace)
    feed.identify("ada", traits={"city": "Paris"})
    feed.identify("new", traits={"email": "new@example.com", "city": "Paris"})
    feed.build()
    for _ in range(2):
        assert find(feed, "paris") == ["new", "ada"]
        assert find(feed, "city:paris") == ["new", "ada"]
        assert find(feed, "london") == []
        keep_search(feed.workspace)
    feed.track("moe", "Called")  # heard of, with nothing new to find
    feed.build()
    keep_search(feed.workspace)
    assert find(feed, "")[0] == "moe"


def test_a_profile_with_exactly_this_identifier_comes_first(feed: Feed) -> None:
    feed.identify("other", traits={"note": "knows jm well"})
    feed.build()
    keep_search(feed.workspace)
    assert find(feed, "jm") == ["jm", "other"]
    assert find(feed, "email:JM@example.de") == ["jm"]


def test_a_merged_profile_is_found_once_by_the_identifiers_of_both(workspace: Workspace) -> None:
    feed = Feed(workspace, types=("user_id", "email", "anonymous_id"))
    feed.send("identify", anonymousId="browser-1", traits={"plan": "gold"})
    feed.identify("zoe", traits={"email": "zoe@example.com"})
    feed.build()
    keep_search(workspace)
    feed.identify("zoe", anonymousId="browser-1")
    feed.build()
    keep_search(workspace)
    assert find(feed, "gold") == find(feed, "zoe@") == find(feed, "browser") == ["zoe"]


def test_many_that_wait_for_the_index_are_counted_and_whole_identifiers_are_found(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_search(feed.workspace)
    monkeypatch.setattr(search, "MAX_DIRECT_PROFILES", 3)
    for number in range(5):
        feed.identify(f"late{number}", traits={"plan": "gold"})
    feed.build()
    found = search_profiles(feed.workspace, feed.space_id, "gold")
    assert (len(found.people), found.waiting, found.total) == (3, 2, 9)
    for number in range(5):
        assert find(feed, f"late{number}")[0] == f"late{number}"
    keep_search(feed.workspace)
    found = search_profiles(feed.workspace, feed.space_id, "gold")
    assert (len(found.people), found.waiting, found.total) == (5, 0, 9)


def test_what_there_is_no_time_to_compare_is_said(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_search(feed.workspace)
    assert len(find(feed, "example")) == 4
    monkeypatch.setattr(search, "PATIENCE_S", 0.0)
    found = search_profiles(feed.workspace, feed.space_id, "example")
    assert (len(found.people), found.is_partial) == (1, True)


def test_the_index_is_asked_however_long_it_takes_to_read_what_waits_for_it(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_search(feed.workspace)
    monkeypatch.setattr(search, "PATIENCE_S", 0.5)
    read_direct = search._read_direct
    monkeypatch.setattr(search, "_read_direct", lambda *args: (time.sleep(0.5), read_direct(*args))[1])
    found = search_profiles(feed.workspace, feed.space_id, "example")
    assert (len(found.people), found.is_partial) == (4, False)


def test_after_a_burst_of_single_changes_nobody_is_found_by_what_they_were(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_search(feed.workspace)
    monkeypatch.setattr(search, "MAX_DIRECT_PROFILES", 3)
    for number in range(6):
        feed.identify("ada" if number == 0 else f"late{number}", traits={"city": "Paris"})
        feed.build()
    assert find(feed, "london") == find(feed, "city:london") == []
    found = search_profiles(feed.workspace, feed.space_id, "paris")
    assert ([person.title for person in found.people], found.waiting) == (["late5", "late4", "late3"], 3)
    keep_search(feed.workspace)
    assert len(find(feed, "paris")) == 6


def test_one_or_two_signs_inside_a_word_are_looked_for_among_the_newest_only_and_that_is_said(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_search(feed.workspace)
    monkeypatch.setattr(search, "SHORT_TEXT_PROFILES", 2)
    beginning, inside = (search_profiles(feed.workspace, feed.space_id, text) for text in ("lo", "ov"))
    assert [person.title for person in beginning.people] == ["Ada Lovelace"]
    assert (inside.people, inside.is_partial) == ((), True)
    assert not search_profiles(feed.workspace, feed.space_id, "ove").is_partial


def test_pages_hold_everybody_once(feed: Feed) -> None:
    for number in range(30):
        feed.identify(f"many{number}", traits={"plan": "silver"})
    feed.build()
    keep_search(feed.workspace)
    seen: list[str] = []
    for offset in (0, 12, 24):
        page = search_profiles(feed.workspace, feed.space_id, "silver", 12, offset=offset)
        seen += [person.title for person in page.people]
        assert page.has_more == (offset < 24)
    assert sorted(seen) == sorted(f"many{number}" for number in range(30))


def test_the_id_of_an_account_finds_its_people_page_by_page_each_once(store_workspace: Workspace) -> None:
    feed = Feed(store_workspace)
    for number in range(30):
        feed.send("group", userId=f"user {number}", groupId="Acme: 1")
    for number in range(5):  # two profiles of the account become one
        feed.track(f"user {number}", "Seen", context={"traits": {"email": f"{number}@x.example"}})
        feed.send("group", groupId="Acme: 1", context={"traits": {"email": f"mail{number}@x.example"}})
        feed.identify(f"user {number}", traits={"email": f"mail{number}@x.example"})
    feed.identify("user of another", traits={"plan": "Acme: 10"})
    feed.send("group", userId="user 7", groupId="other")
    feed.build()
    for text in ("group_id:Acme: 1", " Group_ID : Acme: 1", "Acme: 1"):
        seen: list[str] = []
        for offset in (0, 14, 28):
            page = search_profiles(feed.workspace, feed.space_id, text, 14, offset=offset)
            seen += [each.value for person in page.people for each in person.identifiers if each.type == "user_id"]
            assert page.has_more == (offset < 28)
        others = ["user of another"] if text == "Acme: 1" else []
        assert sorted(seen) == sorted([*(f"user {number}" for number in range(30)), *others])
    assert find(feed, "group_id:other") == ["user 7"]
    assert find(feed, "group_id:acme") == []


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_an_index_that_is_lost_or_damaged_is_made_again_and_nobody_is_missing_meanwhile(
    feed: Feed, damage: bytes | None
) -> None:
    keep_search(feed.workspace)
    path: Path = index_path(feed.workspace, feed.space_id)
    path.unlink() if damage is None else path.write_bytes(damage)
    assert find(feed, "lovelace") == ["ada"]
    keep_search(feed.workspace)
    assert find(feed, "lovelace") == ["ada"]
    with feed.workspace.database.reading() as connection:
        assert connection.execute(profile_changes.select()).first() is None


def test_a_value_of_any_length_and_signs_stays_on_its_line() -> None:
    assert fold("Ünï\tcode\ue000\n\ud800STRAẞE") == "uni code strasse"
    assert len(make_text([("", "x" * 20_000)])) <= MAX_CHARS + 2
    assert list(list_values("a", {"b": [1, True, None, {"c": "d"}]})) == [("a.b", "1"), ("a.b", "true"), ("a.b.c", "d")]


def test_somebody_with_very_many_browsers_is_found_by_all_that_people_look_for(feed: Feed) -> None:
    add_identifiers(feed.workspace, feed.space_id, ["anonymous_id"])
    edit_identifier(feed.workspace, feed.space_id, RuleEdit("anonymous_id", value_limit=100))
    for number in range(50):
        feed.identify("moe", anonymousId=f"{number} {'x' * 180}")
    feed.identify("moe", traits={"email": "moe@x.example", "name": "Moe Szyslak"})
    feed.build()
    keep_search(feed.workspace)
    assert [find(feed, text) for text in ("moe@x", "szysl", f"anonymous_id:49 {'x' * 180}")] == [["moe"]] * 3
