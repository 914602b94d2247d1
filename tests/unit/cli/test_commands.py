"""Every command: its result on standard output, as text and as JSON; failures on standard error; its exit status."""

from __future__ import annotations

from pathlib import Path

import duckdb
import orjson
import pytest

from core.events.event_log import open_event_log
from core.events.intake import take
from core.profiles.deleted_identifiers import delete_identifier
from core.sources.store import create_source, delete_source
from core.warehouses.store import save_warehouse
from core.workspaces.spaces import ensure_space
from core.workspaces.workspace import Workspace
from tests.customers import Customers
from tests.feeding import Feed
from tests.serving import run_server
from tests.unit.cli.conftest import Shell


@pytest.mark.parametrize(
    "words", [["nothing"], ["syncs"], ["syncs", "run"], ["sources", "create"], ["sql-models", "check", "x.sql"]]
)
def test_bad_use_is_2_and_shows_how_it_is_used(shell: Shell, words: list[str]) -> None:
    status, out, err = shell(*words)
    assert (status, out) == (2, "")
    assert "usage:" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["syncs", "run", "Nobody"], "not_found"),
        (["syncs", "plan", "Nobody"], "not_found"),
        (["syncs", "runs", "Nobody"], "not_found"),
        (["syncs", "reset", "Nobody"], "not_found"),
        (["profiles", "get", "email:nobody@example.org"], "not_found"),
        (["profiles", "search", "x"], "not_found"),
        (["sources", "create", "--kind", "nothing", "--name", "x"], None),
        (["serve", "--host", "10.0.0.5"], "invalid_field"),
        (["access", "accept"], "illegal_transition"),
        (["demo-phone", "--source", "Nobody"], "not_found"),
    ],
)
def test_a_failure_is_1_with_sentence_hint_and_code_on_standard_error(
    shell: Shell, words: list[str], code: str | None
) -> None:
    status, out, err = shell(*words)
    assert (status, out) == (1, "")
    message, hint, shown = err.strip().splitlines()[-3:]
    assert message.endswith(".") and hint
    assert code is None or shown == f"[{code}]"
    error = orjson.loads(shell(*words, "--json")[1])["error"]
    assert (f"[{error['code']}]", error["message"]) == (shown, message)


def test_a_home_that_cannot_be_used_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "file"
    place.write_text("in the way")
    status, out, err = Shell(place, capsys)("access", "show")
    assert (status, out) == (1, "")
    assert "[store_unreadable]" in err and "Traceback" not in err


def test_w3_access_is_shown_asked_for_and_accepted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRAMP_ACCESS", "manual")
    assert shell("access", "show") == (0, "access: none\n", "")
    assert shell("access", "request") == (0, "access: requested\n", "")
    assert shell.json("access", "accept") == {"access": "accepted"}


def test_the_guard_says_of_each_file_whether_it_lets_it_through(shell: Shell, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text("SELECT 1")
    bad.write_text("DROP TABLE t")
    check = ["sql-models", "check", "--dialect", "duckdb"]
    assert shell(*check, str(good)) == (0, f"{good} accepted\n", "")
    status, out, err = shell(*check, str(good), str(bad))
    assert (status, out) == (1, f"{good} accepted\n{bad} refused writes\n")
    assert "DROP changes something" in err
    lines = [orjson.loads(line) for line in shell(*check, str(bad), "--json")[1].splitlines()]
    assert [(line["accepted"], line["code"]) for line in lines] == [(False, "writes")]
    status, out, err = shell(*check, str(tmp_path / "none.sql"))
    assert (status, out) == (2, "") and "There is no file" in err


def test_a_preview_shows_ten_records_as_a_table_and_as_json(shell: Shell, workspace: Workspace, tmp_path: Path) -> None:
    Customers(workspace)
    file = tmp_path / "q.sql"
    file.write_text("SELECT id, email, DATE '20000-01-01' AS far FROM customers ORDER BY id")
    status, out, _ = shell("sql-models", "preview", "--warehouse", "Customers", str(file))
    assert status == 0
    assert out.splitlines()[1].split() == ["a", "A@x.example", "20000-01-01"]
    found = shell.json("sql-models", "preview", "--warehouse", "Customers", str(file))
    assert found["rows"][1] == {"id": "b", "email": "b@x.example", "far": "20000-01-01"}


def test_a_sync_is_listed_planned_run_and_reset(shell: Shell, workspace: Workspace) -> None:
    name = Customers(workspace).sync.name
    assert shell.json("syncs", "list")["name"] == name
    plan = shell.json("syncs", "plan", name)
    assert (plan["extracted"], plan["added"], len(plan["samples"])) == (2, 2, 2)
    status, out, err = shell("syncs", "run", name)
    assert status == 0
    assert "= delivered            2   (2 added, 0 updated)" in out and "the sheet closes" in out
    assert "succeeded" in err
    again = shell.json("syncs", "run", name)
    assert (again["state"], again["closes"], again["sheet"]["unchanged"]) == ("succeeded", True, 2)
    assert len(shell("syncs", "runs", name, "--json")[1].splitlines()) == 2
    assert shell("syncs", "reset", name)[0] == 0
    assert shell.json("syncs", "plan", name)["added"] == 2


def test_a_run_that_needs_attention_is_1(shell: Shell, workspace: Workspace) -> None:
    customers = Customers(workspace)
    customers.put([("a", "x", 1), (None, "y", 2)])
    status, out, _ = shell("syncs", "run", customers.sync.name)
    assert status == 1
    assert "1 x record_null_unique_id" in out


def test_profiles_are_built_found_shown_and_rebuilt(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.identify("u1", traits={"email": "ada@example.org", "plan": "pro"})
    assert shell.json("worker", "--once") == {"runs": 0, "messages": 1, "failures": []}
    found = shell.json("profiles", "get", "user_id:u1")
    assert found["traits"]["plan"]["value"] == "pro" and found["traits"]["plan"]["origin"]
    assert shell.json("profiles", "search", "ADA@")["id"] == found["id"]
    assert shell("profiles", "get", found["id"])[1].startswith(found["id"])
    assert shell("profiles", "deleted-identifiers", "user_id:u1", "--json")[:2] == (0, "")
    delete_identifier(workspace, feed.space_id, ["u1"], "email", ["ada@example.org"], asked_by="tok_1")
    deleted = shell.json("profiles", "deleted-identifiers")
    assert (deleted["type"], deleted["value"], deleted["deleted_by"]) == ("email", "ada@example.org", "tok_1")
    assert shell("profiles", "deleted-identifiers", "user_id:u1")[1].count("ada@example.org") == 1
    assert "1 profiles" in shell("profiles", "rebuild")[1]
    assert shell.json("profiles", "get", "user_id:u1")["id"] == found["id"]


def test_people_are_suppressed_heard_again_and_deleted_with_a_receipt(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    for user in ("u1", "u2"):
        feed.identify(user, traits={"email": f"{user}@example.org"})
    shell("worker", "--once")
    assert shell.json("privacy", "suppress", "u1")["receipt"] == {"suppressed": 1}
    assert "u1" in shell("privacy", "list")[1]
    assert shell.json("privacy", "unsuppress", "u1")["receipt"] == {"unsuppressed": 1}
    done = shell.json("privacy", "delete", "u1", "--only", "--wait")
    assert (done["status"], done["receipt"]["events"], done["receipt"]["profiles"]) == ("FINISHED", 1, 1)
    assert shell("profiles", "get", "user_id:u1")[0] == 1
    assert shell.json("profiles", "get", "user_id:u2")["id"]
    assert shell("privacy", "delete", "--profile", "user_id:u2")[0] == 1  # suppressing needs the user id


def test_a_trait_is_previewed_made_listed_exported_disabled_and_deleted(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.track("u1", "Bought", {"total": 20, "Page": {"url": "/hat"}})
    feed.track("u2", "Bought", {"total": 5})
    shell("worker", "--once")
    wanted = ["Spent", "--kind", "aggregation", "--aggregate", "sum", "--event", "Bought", "--property", "total"]
    wanted += [
        "--days",
        "365",
        "--where",
        "total",
        "greater_than",
        "10",
        "--where",
        "page.url",
        "equals_one_of",
        "/hat",
    ]
    found = shell.json("traits", "preview", *wanted)
    assert (found["members"], found["sample"][0]["value"]) == (1, 20)
    assert "1 person would have a value" in shell("traits", "preview", *wanted)[1]
    assert shell.json("traits", "create", *wanted)["status"] == "preparing"
    status, _, said = shell("traits", "create", "total_inbounds")
    assert (status, "nobody would have a value" in said, "--without-members" in said) == (1, True, True)
    assert "total_inbounds: preparing" in shell("traits", "create", "total_inbounds", "--without-members")[1]
    shell("worker", "--once")
    rows = [orjson.loads(line) for line in shell("traits", "list", "--json")[1].splitlines()]
    assert [(row["key"], row["status"], row["owners"]) for row in rows] == [
        ("spent", "live", 1),
        ("total_inbounds", "live", 0),
    ]
    assert shell("traits", "export", "spent", "--layout", "rows")[1].splitlines()[1:] == ["spent,20,u1"]
    assert "Say what it counts" in shell("traits", "edit", "spent", "--every", "60")[2]
    nobody = (*wanted[1:], "--where", "total", "less_than", "0")
    assert "Nobody would have a value" in shell("traits", "edit", "spent", *nobody)[2]
    assert shell.json("traits", "edit", "spent", *wanted[1:])["key"] == "spent"
    assert shell.json("traits", "disable", "spent")["status"] == "disabled"
    assert "worker computes" in shell("traits", "enable", "spent")[1]
    status, _, said = shell("traits", "create", "Third", "--kind", "event_counter", "--event", "Bought")
    assert (status, "limit_exceeded" in said) == (1, True)
    assert shell.json("traits", "delete", "spent") == {"deleted": "spent"}
    assert shell("traits", "delete", "spent")[0] == 1
    assert "no kind" in shell("traits", "create", "Spent")[2]


def test_sql_traits_are_made_run_changed_and_deleted(shell: Shell, workspace: Workspace, tmp_path: Path) -> None:
    ensure_space(workspace)
    with duckdb.connect(str(workspace.home.warehouses / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE accounts AS SELECT 'acme' AS group_id, 7 AS seats, 'gold' AS plan")
    save_warehouse(workspace, kind="duckdb", name="Shop", settings={"path": "shop.duckdb"})
    query = ["--warehouse", "Shop", "--sql", "SELECT group_id, seats FROM accounts"]
    assert "where the query runs" in shell("traits", "create", "Seats", *query[2:])[2]
    assert "There is no query" in shell("traits", "create", "Seats", *query[:2])[2]
    found = shell.json("traits", "preview", "Seats", *query)
    assert (found["key"], found["traits"], found["rows"]) == ("group_id", ["seats"], 1)
    made = shell.json("traits", "create", "Seats", *query, "--every", "60")
    assert (made["kind"], made["scope"], made["interval_minutes"]) == ("sql", "account", 60)
    assert shell.json("traits", "run", "Seats")["sheet"]["added"] == 1
    (tmp_path / "query.sql").write_text("SELECT group_id, plan FROM accounts")
    changed = shell.json("traits", "edit", "Seats", "--sql-file", str(tmp_path / "query.sql"))
    assert (changed["traits"], changed["status"]) == (["plan"], "succeeded")
    assert "cannot be read" in shell("traits", "edit", "Seats", "--sql-file", str(tmp_path))[2]
    assert "Nothing is to be changed" in shell("traits", "edit", "Seats")[2]
    (listed,) = [orjson.loads(line) for line in shell("traits", "list", "--json")[1].splitlines()]
    assert listed == changed
    assert "Seats" in shell("traits", "list")[1]
    assert shell.json("traits", "delete", "Seats") == {"deleted": "Seats"}
    assert "no SQL traits 'Seats'" in shell("traits", "run", "Seats")[2]


def test_refused_events_are_searched_by_code_and_replayed(shell: Shell, workspace: Workspace, tmp_path: Path) -> None:
    source = create_source(workspace, kind="http", name="Shop")
    bad = {"type": "track", "event": 7, "userId": "ada", "messageId": "m-1"}
    right = {**bad, "event": "Bought", "messageId": "m-2"}
    taken = take(source.id, [bad, "no object", right], received_at=workspace.now())
    open_event_log(workspace).append(taken.entries, taken.refusals)
    found = shell.json("events", "search", "--refused", "--code", "event_not_string")
    assert (found["refused"], found["reason"], found["message"]) == (1, "event must be a text.", bad)
    assert found["replayed_as"] is None
    assert shell.json("events", "search", "--accepted")["offset"] == 1
    out = shell("events", "search")[1]
    assert [line.split()[-1] for line in out.splitlines()[1:]].count("event_not_string") == 1
    assert len(out.splitlines()) == 4
    status, _, err = shell("events", "replay", "1")
    assert (status, "event must be a text." in err, "[event_not_string]" in err) == (1, True, True)
    mended = tmp_path / "event.json"
    mended.write_bytes(orjson.dumps({**bad, "event": "Paid"}))
    assert shell.json("events", "replay", "1", "--file", str(mended)) == {"refused": 1, "offset": 2, "is_new": True}
    assert shell("events", "replay", "1")[0] == 1
    assert "replayed as 2" in shell("events", "search", "--refused")[1]
    assert "cannot be read" in shell("events", "replay", "2", "--file", str(tmp_path / "none"))[2]


@pytest.mark.parametrize("words", [("search", "--limit", "-5"), ("replay", "99999999999999999999"), ("replay", "½")])
def test_a_number_that_can_be_none_is_refused_in_words(shell: Shell, words: tuple[str, ...]) -> None:
    status, _, err = shell("events", *words)
    assert (status, f"{words[-1]!r} is not a whole number from 1 on" in err) == (2, True)


def test_events_are_searched_by_text_type_and_source(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.identify("u1", traits={"name": "Ada"})
    feed.track("u1", "Bought")
    assert shell.json("events", "search", "--text", "bought")["message"]["event"] == "Bought"
    assert shell("events", "search", "--type", "identify")[1].count("identify") == 1
    assert shell("events", "search", "--text", "nothing") == (
        0,
        "offset  received  type  event  user  source  state\n",
        "",
    )
    source = create_source(workspace, kind="http", name="Shop")
    feed.send("track", userId="u1", event="Paid", source=source.id)
    assert shell("events", "search", "--source", "Shop")[1].count(source.id) == 1
    assert "no source 'Nobody'" in shell("events", "search", "--source", "Nobody")[2]
    delete_source(workspace, source.id)
    assert shell("events", "search", "--source", source.id)[1].count("Paid") == 1, "its events stay"


def test_files_become_a_warehouse(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,name\n1,Ann\n2,B,ob\n")
    made = shell.json("warehouses", "create", "--name", "People", "--from", str(file))
    assert [(table["name"], table["rows"]) for table in made["tables"]] == [("people", 1)]
    assert "broken row" in made["tables"][0]["notes"][0]
    assert "People" in shell("warehouses", "list")[1]
    status, out, err = shell("warehouses", "create", "--name", "X", "--from", str(tmp_path / "none.csv"))
    assert (status, out) == (2, "") and "There is no file" in err


def test_an_error_of_our_own_has_a_number_and_no_trace(
    shell: Shell, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.access.get_workspace_info", lambda _workspace: 1 / 0)
    status, out, err = shell("access", "show")
    assert (status, out) == (1, "")
    assert "(inc_" in err and "[internal_error]" in err
    assert "ZeroDivisionError" not in err


def test_the_demo_phone_prints_what_it_sent(shell: Shell, workspace: Workspace) -> None:
    create_source(workspace, kind="kotlin", name="App")
    with run_server(workspace.home.root) as server:
        words = ["demo-phone", "--source", "App", "--address", server.url]
        status, out, _ = shell(*words, "--screens", "1")
        assert status == 0
        assert [line.split(maxsplit=2)[1:] for line in out.splitlines()[1:]] == [
            ["track", "Application Installed"],
            ["track", "Application Opened"],
            ["screen", "Home"],
        ]
        status, out, _ = shell(*words, "--email", "ada@example.com", "--json")
    last = orjson.loads(out.splitlines()[-1])
    assert (status, last["type"], last["traits"]) == (0, "identify", {"email": "ada@example.com"})
    assert shell("demo-phone", "--source", "App", "--screens", "9")[0] == 2


def test_a_token_of_the_profile_api_is_printed_once_listed_and_revoked(shell: Shell, workspace: Workspace) -> None:
    space = ensure_space(workspace)
    command = ("profile-tokens", "create", "--name", "Agent desktop", "--space", space.slug, "--json")
    made = orjson.loads(shell(*command)[1])
    assert made["space_id"] == space.id and len(made["token"]) > 40
    status, out, err = shell("profile-tokens", "list")
    assert (status, err) == (0, "") and "valid" in out and made["token"] not in out
    assert shell("profile-tokens", "revoke", made["id"])[0] == 0
    (listed,) = [orjson.loads(line) for line in shell("profile-tokens", "list", "--json")[1].splitlines()]
    assert listed["name"] == "Agent desktop" and listed["revoked_at"] is not None
    assert shell("profile-tokens", "create", "--name", "x", "--space", "nowhere")[0] == 1


def test_a_merge_is_explained_undone_and_restored(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.identify("ada")
    feed.identify(traits={"email": "bob@x.example"})
    feed.identify("ada", traits={"email": "bob@x.example"})
    feed.build()
    (merge,) = shell.json("profiles", "merges", "user_id:ada")["merges"]
    assert "because message #3 carried" in merge["why"]
    chain = shell.json("profiles", "explain", "user_id:ada", "--to", "email:bob@x.example")
    assert (chain["from"], [link["message"] for link in chain["links"]]) == ("user_id:ada", [3])
    assert "user_id:ada and email:bob@x.example: Message #3" in shell("profiles", "explain", "user_id:ada")[1]
    merged_id = merge["merged_id"]
    plan = shell.json("profiles", "undo-merge", merged_id, "--dry-run")
    assert (plan["done"], [each["messages"] for each in plan["after"]]) == (False, [2, 1])
    assert shell("profiles", "undo-merge", merged_id)[0] == 0
    assert shell("profiles", "undo-merge", merged_id)[2].endswith("[not_found]\n")
    kept = shell.json("profiles", "merges")["kept_apart"]
    assert [each["profiles"] for each in kept] == [[merged_id, merge["survivor_id"]]]
    assert "are kept apart since" in shell("profiles", "merges", "email:bob@x.example")[1]
    assert "Refused: Profiles are kept apart: message #3" in shell("profiles", "merges", "user_id:ada")[1]
    assert shell("profiles", "rejoin", merged_id)[0] == 0
    assert shell.json("profiles", "get", "email:bob@x.example")["id"] == merge["survivor_id"]
    assert shell("profiles", "explain", "user_id:ada", "--to", "email")[2].endswith("[invalid_field]\n")


def test_other_identity_rules_are_tried_and_not_saved(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace, custom=("phone",))
    for name in "abc":
        feed.identify(name, traits={"phone": "+1"})
    feed.build()
    found = shell.json("identity", "what-if", "--limit", "user_id=2")
    assert found["merging"] == {"profiles": 2, "into": 1}
    assert sorted(len(part["identifiers"]) for part in found["merges"][0]["parts"]) == [1, 2]
    assert shell.json("identity", "what-if", "--block", "phone=+1", "--delete", "email")["lost"] == {"phone": 1}
    out = shell("identity", "what-if", "--add", "nick", "--priority", "nick=1", "--max-merges", "5")[1]
    assert "3 messages: 3 profiles would be 3." in out
    feed.send("track", event="Asked", properties={"email": "a@x.example", "nickName": "al"})
    feed.build()
    other_places = ("--add", "nick", "--key", "nick=nickName", "--in-properties", "email=on")
    assert shell.json("identity", "what-if", *other_places)["gained"] == {"email": 1, "nick": 1}
    for wrong in (("--limit", "email"), ("--in-properties", "email=yes"), ("--key", "email=mail")):
        assert shell("identity", "what-if", *wrong)[2].endswith("[invalid_field]\n")
    assert (
        "phone" in shell("identity", "rules")[1] and "100 merges and 1,000 identifiers" in shell("identity", "rules")[1]
    )
    assert shell.json("identity", "caps", "--max-merges", "7") == {"max_merges": 7, "max_identifiers": 1000}
    assert shell("identity", "caps", "--max-merges", "0")[2].endswith("[invalid_field]\n")


def test_spaces_are_made_renamed_connected_and_given_rules(shell: Shell, workspace: Workspace) -> None:
    """W119: two at most."""
    feed = Feed(workspace)
    source = create_source(workspace, kind="http", name="Server")
    feed.identify("ada")
    feed.build()
    made = shell.json("spaces", "create", "--name", "Trials", "--rules-from", "unified-profiles")
    assert (made["slug"], made["kind"]) == ("trials", "dev")
    assert shell("spaces", "create", "--name", "Third")[2].endswith("[limit_exceeded]\n")
    assert shell.json("spaces", "rename", "trials", "--name", "Tests")["slug"] == "trials"
    assert shell("spaces", "connect", "trials", "--source", "Server")[0] == 0
    assert shell("spaces", "disconnect", "trials", "--source", "Server")[0] == 0
    assert shell("spaces", "disconnect", "trials", "--source", "Server")[2].endswith("[not_found]\n")
    assert shell("spaces", "connect", "trials", "--source", "Server", "--from-now")[0] == 0
    assert shell("spaces", "import-rules", "unified-profiles", "--from", "Tests")[0] == 0
    first, second = (orjson.loads(line) for line in shell("spaces", "list", "--json")[1].splitlines())
    assert (first["profiles"], second["profiles"], second["identifiers"]) == (1, 0, 2)
    assert second["sources"] == [source.name]
    assert "Tests" in shell("spaces", "list")[1]
    assert shell("profiles", "get", "user_id:ada", "--space", "trials")[2].endswith("[not_found]\n")


def test_event_filters_are_tried_added_removed_and_put_back(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    offsets = [feed.track("ada", event) for event in ("Paid", "Heartbeat", "Heartbeat")]
    query = "event = 'Heartbeat'"
    tried = shell.json("spaces", "filters", "test", query)
    assert (tried["tried"], tried["dropped"], tried["samples"][0]["offset"]) == (3, 2, offsets[-1])
    assert "2 of the newest 3 messages" in shell("spaces", "filters", "test", query)[1]
    code, _, says = shell("spaces", "filters", "add", "event == 'Heartbeat'")
    assert (code, says.splitlines()[-1]) == (1, "[invalid_filter]")
    assert "Column 8: expected a value, found =." in says
    made = shell.json("spaces", "filters", "add", query, "--name", "Telemetry")
    feed.track("bob", "Heartbeat")
    feed.build()
    (listed,) = (orjson.loads(line) for line in shell("spaces", "filters", "list", "--json")[1].splitlines())
    assert (listed["id"], listed["name"], listed["dropped"]) == (made["id"], "Telemetry", 1)
    assert "no more events" in shell("spaces", "filters", "remove", "Telemetry")[1]
    assert shell("spaces", "filters", "list", "--json")[1] == ""
    assert "Telemetry" in shell("spaces", "filters", "list", "--removed")[1]
    assert "from now on" in shell("spaces", "filters", "restore", made["id"])[1]


def test_profiles_are_written_to_a_warehouse(shell: Shell, workspace: Workspace) -> None:
    feed = Feed(workspace)
    feed.identify("1001")
    feed.build()
    path = workspace.home.warehouses / "profiles.duckdb"
    duckdb.connect(str(path)).close()
    save_warehouse(workspace, kind="duckdb", name="Local", settings={"path": path.name})
    assert shell("profiles-sync", "run")[0] == 1  # nothing is set up
    made = orjson.loads(shell("profiles-sync", "set-up", "--warehouse", "Local", "--every", "manual", "--json")[1])
    assert (made["schema"], made["interval_minutes"]) == ("unified_profiles", None)
    status, out, _ = shell("profiles-sync", "run", "--json")
    run = orjson.loads(out)
    assert (status, run["state"], run["rows"]["user_identifiers"]) == (0, "succeeded", 1)
    assert shell("profiles-sync", "change", "--every", "often")[0] == 1
    assert shell("profiles-sync", "change", "--every", "60")[0] == 0
    listed = [orjson.loads(line) for line in shell("profiles-sync", "list", "--json")[1].splitlines()]
    assert [item["interval_minutes"] for item in listed] == [60]
    assert "succeeded" in shell("profiles-sync", "runs")[1]
    assert shell("profiles-sync", "run")[0] == 0  # there is nothing to write
    path.unlink()
    status, _, err = shell("profiles-sync", "run")
    assert status == 1 and "warehouse_file_missing" in err
    assert shell("profiles-sync", "remove")[0] == 0 and shell("profiles-sync", "list", "--json")[1] == ""
