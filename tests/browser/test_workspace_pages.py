"""The workspace pages in a real browser, on a small warehouse that is set up: from a run to a trait's origin."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from components.choice_table import ROW_HEIGHT_PX
from components.navigation import list_screens
from core.identity.edits import RuleEdit
from core.identity.rules import edit_identifier, list_rules
from core.profiles.group_calls import follow_group_calls
from core.profiles.search_index import keep_search
from core.syncs.sync import list_syncs, set_mode, set_schedule
from core.workspaces.spaces import list_spaces
from core.workspaces.view_links import make_view_link
from core.workspaces.workspace import Workspace, open_workspace
from tests import guided
from tests.browser.axe_faults import find_faults
from tests.browser.conftest import ROOT, SCREENS, serve
from tests.browser.person import SLOW_MS, choose, fill, press, see
from tests.feeding import Feed


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose setup is done, whose warehouse holds two rows of one key and a shared phone; nothing has run yet."""
    folder = tmp_path_factory.mktemp("workspace")
    workspace = open_workspace(str(folder / "onramp"))
    guided.add_identifiers_and_traits(workspace, rows=40)
    guided.change_file(workspace, "INSERT INTO customers SELECT * FROM customers WHERE id = 'c3'")
    guided.change_file(workspace, "UPDATE customers SET phone = '+14155550001' WHERE id = 'c2'")
    (sync,) = list_syncs(workspace)
    set_mode(workspace, sync.id, "mirror")
    set_schedule(workspace, sync.id, None)
    add_people(workspace)
    workspace.close()
    return folder


def add_people(workspace: Workspace) -> None:
    """Add Ada, of whom the usual is known, Bob, of whom no page holds everything, and Eve, who was two people."""
    feed = Feed(workspace, types=("anonymous_id",))
    edit_identifier(workspace, feed.space_id, RuleEdit("anonymous_id", value_limit=100))
    known = {f"trait_{number}": f"value {number}" for number in range(10)}
    feed.identify("ada", traits={"name": "Ada Lovelace", "email": "ada@x.example", "phone": "+14155559999", **known})
    for number in range(12):
        feed.identify("ada", anonymousId=f"browser-{number % 4}")
        feed.track("ada", f"Step {number}", {"of": 12})
    much = "which is told at such a length that no sheet of paper would have room for it " * 3
    known = {f"trait_{number}": f"{number}, {much}" for number in range(40)}
    feed.identify("bob", traits={"email": "bob@x.example", **known})
    for number in range(45):
        feed.identify("bob", anonymousId=f"cookie-{number}-{much}"[:200])
    for number in range(6):
        feed.send("group", userId="bob", groupId=f"firm-{number}", traits={"name": f"Firm {number}", "note": much})
        said = {"name": f"Goal {number}", "probability": 0.3, "reasons": [{"text": much, "raises": True}] * 4}
        feed.identify("bob", traits={f"goal_{number}": 0.9}, context={"personas": {}, "prediction": said})
    for number in range(12):
        feed.track("bob", f"Step {number}, {much}", {"told": much})
    feed.identify("eve")
    feed.identify(traits={"email": "eve@x.example"})
    feed.identify("eve", traits={"email": "eve@x.example"})
    feed.build()
    follow_group_calls(workspace, feed.space_id)
    keep_search(workspace)


@pytest.fixture(scope="module")
def address(home: Path):
    with serve(ROOT / "app.py", home) as found:
        yield found


def pick_row(screen: object, row: int) -> None:
    """Click the box before a row of the last table; a table is one canvas, so by its place."""
    table = screen.page.locator('[data-testid="stDataFrame"]').last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": ROW_HEIGHT_PX * (row + 1.5)})
    screen.settle()


def follow(screen: object, label: str) -> None:
    screen.settle()
    screen.page.get_by_role("link", name=re.compile(re.escape(label))).first.click()
    screen.settle()


@pytest.mark.timeout(240)
def test_a_person_runs_a_sync_finds_a_rejected_record_and_follows_a_trait_to_its_origin(
    address: str, home: Path, open_screen: Callable[..., object]
) -> None:
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/syncs")

    press(page, "Sync now")
    see(page, "Partially successful")
    see(page, "41 extracted = 39 delivered + 0 unchanged + 2 rejected + 0 held back.")
    screen.settle()
    screen.shoot("sheet")

    page.get_by_role("combobox", name="Reason").click()
    page.get_by_role("option", name=re.compile("Several rows have this unique identifier")).click()
    see(page, "2 records")
    screen.settle()
    assert "reason=record_duplicate" in page.url
    pick_row(screen, 0)
    see(page, "record_duplicate")
    screen.shoot("record")

    for _ in range(40):  # the profile builder reads the log in the background
        screen.turn_to("/profile-explorer?profile_search=c7@example.com")
        if page.get_by_role("button", name="Open").count():
            break
        page.wait_for_timeout(250)
        screen.turn_to("/syncs")
    page.get_by_role("searchbox", name="Search").press("Enter")  # the first result
    see(page, "What ties them together")
    page.get_by_role("radio", name=re.compile("Traits")).click()
    see(page, "Pick a trait to see why it says this.")
    pick_row(screen, 2)
    see(page, "Why does")
    see(page, "Customers to profiles")
    screen.shoot("origin")
    shown = page.url
    page.reload()
    see(page, "Why does")
    assert page.url == shown

    follow(screen, "See the record in its run")
    see(page, "1 record, those not delivered first.")
    assert urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)["records_text"] == ["c7"]
    page.go_back()
    see(page, "Why does")

    screen.turn_to("/identity-violations")
    see(page, "Identifier value limit exceeded")
    screen.settle()
    pick_row(screen, 0)
    see(page, "Kept apart from")
    screen.shoot("violation")
    follow(screen, "The message")
    see(page, "message #")
    screen.shoot("message")


@pytest.mark.timeout(240)
def test_what_cannot_be_taken_back_is_asked_for_in_a_popup_and_then_done(
    address: str, home: Path, open_screen: Callable[..., object]
) -> None:
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/syncs?view=settings")
    press(page, "Reset sync …")
    page.get_by_text("I understand what happens when I reset a sync state").click()
    screen.settle()
    page.get_by_role("dialog").get_by_role("button", name="Reset sync").click()
    page.get_by_role("dialog").wait_for(state="detached", timeout=SLOW_MS)

    screen.turn_to("/overview")
    press(page, "Disable …")
    see(page, "It receives nothing from now on")
    screen.shoot("disable")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").wait_for(state="detached", timeout=SLOW_MS)
    see(page, "Disabled")
    press(page, "Enable")
    page.get_by_text("Disabled", exact=True).wait_for(state="detached", timeout=SLOW_MS)

    screen.turn_to("/workspace-settings")
    see(page, "Every event is kept.")
    choose(page, "Keep events", "For 90 days")
    screen.settle()
    page.get_by_role("button", name="Save", exact=True).click()
    see(page, "Deleted events cannot be brought back")
    page.get_by_text("I have a backup of these events, or need them no more.").click()
    screen.settle()
    page.get_by_role("dialog").get_by_role("button", name="Delete them").click()
    page.get_by_role("dialog").wait_for(state="detached", timeout=SLOW_MS)
    see(page, "Events are deleted 90 days after")
    workspace = open_workspace(str(home / "onramp"))
    from core.workspaces.audit import list_changes

    actions = [(change.action, change.object_type) for change in list_changes(workspace, limit=4)]
    workspace.close()
    assert actions == [
        ("updated", "workspace"),
        ("enabled", "destination"),
        ("disabled", "destination"),
        ("reset", "sync"),
    ]


@pytest.mark.timeout(240)
def test_a_person_is_found_while_one_types_and_prints_on_one_page(
    address: str, open_screen: Callable[..., object]
) -> None:
    screen = open_screen("desktop-dark")
    page = screen.open(f"{address}/profile-explorer")
    box = page.get_by_role("searchbox", name="Search")
    box.press_sequentially("bob@x")
    expect(page.get_by_role("button", name="Open")).to_have_count(1)
    see(page, "bob@x.example")
    for who, left_out in {"ada": [], "bob": ["35 more identifiers", "16 more traits", "3 more accounts"]}.items():
        screen.turn_to(f"/profile-explorer?id=user_id:{who}")
        expect(page.locator(".onramp-paper h1")).to_have_text({"ada": "Ada Lovelace", "bob": "bob@x.example"}[who])
        for paper in ("A4", "Letter"):
            assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))) == 1, (who, paper)
        page.emulate_media(media="print")
        for part in ("How to reach and recognise them, and the day last seen", "What happened last", *left_out):
            see(page, part)
        expect(page.get_by_role("heading", name="Profile explorer")).to_be_hidden()
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('.onramp-paper b')).color") == "rgb(0, 0, 0)"
        screen.shoot(f"paper-{who}")
        page.emulate_media(media="screen")
    press(page, "Everybody of this account")
    expect(page).to_have_url(re.compile(r"\?profile_search=group_id%3Afirm-\d$"))
    expect(box).to_be_in_viewport()
    expect(box).to_be_focused()
    expect(page.get_by_role("button", name="Open")).to_have_count(1)


@pytest.mark.timeout(240)
def test_an_undo_is_agreed_to_in_its_popup_and_a_space_is_added_and_given_rules_in_theirs(
    address: str, home: Path, open_screen: Callable[..., object]
) -> None:
    screen = open_screen("desktop-light")
    page = screen.open(f"{address}/profile-explorer?id=user_id:eve&view=merges")
    for act, then in (("Undo this merge", "Kept apart"), ("Take the undo back", "became one with")):
        press(page, act)
        see(page, "of people who share an identifier are applied again")
        screen.shoot(act.replace(" ", "-").lower())
        page.get_by_role("dialog").get_by_role("button", name=act).click()
        page.get_by_role("dialog").wait_for(state="detached", timeout=SLOW_MS)
        see(page, then)

    screen.turn_to("/spaces")
    press(page, "Add space")
    fill(page.get_by_role("dialog"), "Name", "Trial")
    choose(page, "Identity rules", "None yet")
    screen.settle()
    screen.shoot("add-space")
    page.get_by_role("dialog").get_by_role("button", name="Add space").click()
    see(page, "Without an identifier no message finds a profile")
    press(page, "Import rules")
    see(page, "are replaced by those of")
    screen.shoot("import-rules")
    page.get_by_role("dialog").get_by_role("button", name="Import rules").click()
    page.get_by_role("dialog").wait_for(state="detached", timeout=SLOW_MS)
    workspace = open_workspace(str(home / "onramp"))
    first, second = (list_rules(workspace, space.id) for space in list_spaces(workspace))
    workspace.close()
    assert second == first


def expect_no_fault(page: object, path: str, within: str = ".stMain") -> None:
    overflow = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"{path} is {overflow} px too wide"
    # The colours inside Streamlit's own JSON viewer cannot be set.
    assert [fault for fault in find_faults(page, within) if "object-" not in str(fault[1])] == [], path


@pytest.mark.timeout(240)
@pytest.mark.parametrize("screen_name", list(SCREENS))
def test_a_person_and_every_workspace_page_are_accessible_and_fit_their_screen(
    address: str, home: Path, open_screen: Callable[..., object], screen_name: str
) -> None:
    screen = open_screen(screen_name)
    page = screen.open(f"{address}/profile-explorer?id=user_id:ada")
    expect(page.get_by_role("img", name="How 7 identifiers of Ada Lovelace hang together")).to_be_visible()
    see(page, "The last 10 things that happened")
    expect_no_fault(page, "a person")
    screen.shoot("person")
    for who, view, told in (("ada", "events", "Step 11"), ("eve", "merges", "became one with")):
        screen.turn_to(f"/profile-explorer?id=user_id:{who}&view={view}")
        see(page, told)
        expect_no_fault(page, view)
        screen.shoot(f"person-{view}")
    if screen_name not in ("desktop-light", "phone-dark"):
        return  # two of the four tell of every other page what there is to tell
    for shown in (each for each in list_screens() if not each.is_hidden):
        path = "" if shown.is_default else shown.url_path
        screen.turn_to(f"/{path}")
        expect(page, path).to_have_title(re.compile(shown.label))
        expect(page.get_by_text("Something went wrong"), path).to_have_count(0)
        expect_no_fault(page, path)
    workspace = open_workspace(str(home / "onramp"))
    link, _ends = make_view_link(workspace, list_spaces(workspace)[0].id, "bob")
    workspace.close()
    page.goto(f"{address}/flex/{link}")
    see(page, "bob@x.example")
    expect_no_fault(page, "flex", "body")
    screen.shoot("flex")
