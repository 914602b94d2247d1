"""Settings and secrets on the command line: of sources, and of warehouses by the same code."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from core.cli.connector_options import naming_options, read_secrets, read_settings
from core.errors import MissingField
from core.settings import check_settings
from core.sources.store import Source, ensure_flex_source, get_source, list_sources, read_source_secrets
from core.storage.tables import audit_entries, secrets
from core.warehouses.registry import get_definition
from core.warehouses.store import list_warehouses
from core.workspaces.audit import list_changes
from core.workspaces.workspace import Workspace
from tests.unit.cli.conftest import Shell

TOKEN = "0123456789abcdef0123456789abcdef"
NEWER = "fedcba9876543210fedcba9876543210"
WEBSITE = ("sources", "create", "--kind", "javascript", "--name", "Shop")
TWILIO = ("sources", "create", "--kind", "twilio_event_streams", "--name", "Calls")
POSTGRES = ("warehouses", "create", "--kind", "postgres", "--name", "Data")


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token.txt"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def twilio(shell: Shell, workspace: Workspace, token: Path) -> Source:
    return get_source(workspace, shell.json(*TWILIO, "--secret", f"auth_token=@{token}")["id"])


def count(workspace: Workspace) -> tuple[int, int, int]:
    """Count the entries of the audit trail, the stored secrets and the sources."""
    with workspace.database.reading() as connection:
        tables = (audit_entries, secrets)
        changes, kept = (connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    return changes, kept, len(list_sources(workspace))


def test_a_website_is_made_and_its_address_changed(shell: Shell, workspace: Workspace) -> None:
    made = shell.json(*WEBSITE, "--set", "website_url=www.example.com")
    assert made["settings"] == {"website_url": "https://www.example.com"}
    source = get_source(workspace, "Shop")
    assert (source.id, source.write_key, source.settings) == (made["id"], made["write_key"], made["settings"])
    status, out, err = shell("sources", "change", "Shop", "--set", "website_url=http://shop.example.org")
    assert (status, out, err) == (0, f"Shop ({source.id}) is changed\n", "")
    changed = get_source(workspace, "Shop")
    assert (changed.settings["website_url"], changed.write_key) == ("http://shop.example.org", source.write_key)


@pytest.mark.parametrize("place", ["file", "variable", "pipe"])
def test_a_twilio_source_takes_its_token_from_a_file_a_variable_or_a_pipe(
    shell: Shell, workspace: Workspace, token: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    reading, writing = os.pipe()
    os.write(writing, token.read_bytes())
    os.close(writing)
    places = {"file": f"@{token}", "variable": "env:TWILIO_AUTH_TOKEN", "pipe": f"@/dev/fd/{reading}"}
    status, out, err = shell(*TWILIO, "--secret", f"auth_token={places[place]}")
    os.close(reading)
    (source,) = list_sources(workspace)
    assert (status, out, err) == (0, f"id: {source.id}\nwrite key: {source.write_key}\n", "")
    assert read_source_secrets(workspace, source.id) == {"auth_token": TOKEN}


def test_a_token_is_replaced_and_the_old_one_forgotten(
    shell: Shell, workspace: Workspace, token: Path, twilio: Source
) -> None:
    token.write_text(NEWER)
    assert shell.json("sources", "change", twilio.slug, "--secret", f"auth_token=@{token}")["settings"] == {}
    assert read_source_secrets(workspace, twilio.id) == {"auth_token": NEWER}
    assert count(workspace) == (2, 1, 1)
    change = list_changes(workspace, object_type="source")[0]
    assert (change.action, change.before) == ("updated", {"settings": {}})
    assert change.after == {"settings": {}, "changed_credentials": ["auth_token"]}


def test_no_secret_is_in_what_is_printed_nor_in_the_audit_trail(
    shell: Shell, workspace: Workspace, token: Path, twilio: Source
) -> None:
    token.write_text(NEWER)
    told = [shell("sources", "change", "Calls", "--secret", f"auth_token=@{token}")]
    told += [shell("sources", "list"), shell("sources", "list", "--json")]
    told += [shell(*TWILIO, "--secret", f"auth_token=@{token}")]  # refused: the name is taken
    told += [shell("sources", "change", "Calls", "--secret", f"auth_token=@{token}", "--set", "x=1", "--json")]
    assert [status for status, _, _ in told] == [0, 0, 0, 1, 1]
    everything = repr((told, twilio, list_changes(workspace)))
    assert TOKEN not in everything and NEWER not in everything
    stored = b"".join(path.read_bytes() for path in workspace.home.root.rglob("*") if path.is_file())
    assert TOKEN.encode() not in stored and NEWER.encode() not in stored


def test_what_is_given_again_changes_nothing(shell: Shell, workspace: Workspace, token: Path, twilio: Source) -> None:
    before = count(workspace)
    assert shell("sources", "change", "Calls", "--secret", f"auth_token=@{token}")[0] == 0
    assert count(workspace) == before


@pytest.mark.parametrize("command", [WEBSITE, TWILIO, POSTGRES], ids=["website", "twilio", "postgres"])
@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--set", "colour=red"], "invalid_field", "has no setting 'colour'"),
        (["--secret", "pin=env:HOME"], "invalid_field", "has no setting 'pin'"),
        (["--set", TOKEN], "invalid_field", "Write --set NAME=VALUE."),
        (["--set", f"={TOKEN}"], "invalid_field", "Write --set NAME=VALUE."),
        (["--secret", TOKEN], "invalid_field", "Write --secret NAME=env:VARIABLE or --secret NAME=@FILE."),
        (["--secret", f"password={TOKEN}"], "invalid_field", "stands on the command line"),
        (["--secret", "password=env:NOBODY_SET_THIS"], "missing_field", "NOBODY_SET_THIS is not set"),
        (["--secret", "password=@/nowhere/token"], "not_found", "There is no file /nowhere/token."),
        (["--secret", "password=@/"], "invalid_field", "The file / cannot be read as text."),
        (["--secret", "password=@/dev/null"], "missing_field", "The file /dev/null is empty."),
        ([], "missing_field", "Add --se"),
    ],
)
def test_bad_input_is_a_sentence_that_repeats_no_secret_and_leaves_nothing(
    shell: Shell, workspace: Workspace, command: tuple[str, ...], options: list[str], code: str, told: str
) -> None:
    before = count(workspace)
    status, out, err = shell(*command, *options)
    assert (status, out) == (1, "")
    assert err.endswith(f"[{code}]\n") and told in err
    assert TOKEN not in err + shell(*command, *options, "--json")[1]
    assert (count(workspace), list_warehouses(workspace)) == (before, [])


@pytest.mark.parametrize("url", ["my shop", "ftp://example.com", "https://", "https://shop:99999", "http://[::1"])
def test_an_address_that_is_none_is_refused_on_creating_and_on_changing(
    shell: Shell, workspace: Workspace, url: str
) -> None:
    expected = (1, "", f"Website URL cannot be {url!r}.\nUse a web address such as https://www.example.com.\n")
    status, out, err = shell(*WEBSITE, "--set", f"website_url={url}")
    assert (status, out, err.replace("[invalid_field]\n", "")) == expected
    assert list_sources(workspace) == []
    shell(*WEBSITE, "--set", "website_url=www.example.com")
    before = count(workspace)
    status, out, err = shell("sources", "change", "Shop", "--set", f"website_url={url}")
    assert (status, out, err.replace("[invalid_field]\n", "")) == expected
    assert get_source(workspace, "Shop").settings == {"website_url": "https://www.example.com"}
    assert count(workspace) == before


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (WEBSITE, "Add --set website_url=https://www.example.com."),
        (TWILIO, "Add --secret auth_token=env:VARIABLE or --secret auth_token=@FILE."),
    ],
)
def test_what_is_missing_is_told_with_the_option_that_gives_it(
    shell: Shell, command: tuple[str, ...], hint: str
) -> None:
    assert shell(*command)[2].splitlines()[1] == hint
    error = orjson.loads(shell(*command, "--json")[1])["error"]
    assert (error["code"], error["hint"]) == ("missing_field", hint)


def test_several_that_are_missing_are_named_together() -> None:
    definition = get_definition("postgres")
    with pytest.raises(MissingField) as caught, naming_options(definition):
        check_settings(definition, {"host": "h", "database": "d"}, {})
    assert caught.value.hint == (
        "Add --set user=onramp, and --secret password=env:VARIABLE or --secret password=@FILE."
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--set", f"auth_token={TOKEN}"], "The secret 'auth_token' stands on the command line"),
        (["--secret", "auth_token="], "The secret 'auth_token' stands on the command line"),
        (["--set", "auth_token="], "The secret 'auth_token' stands on the command line"),
    ],
)
def test_a_secret_on_the_command_line_is_refused_in_whatever_option(
    shell: Shell, workspace: Workspace, twilio: Source, options: list[str], told: str
) -> None:
    before = count(workspace)
    for command in (("sources", "change", "Calls"), (*TWILIO[:-1], "More calls")):
        status, out, err = shell(*command, *options)
        assert (status, out) == (1, "")
        assert told in err and "--secret auth_token=env:VARIABLE" in err and TOKEN not in err
    assert count(workspace) == before
    assert read_source_secrets(workspace, twilio.id) == {"auth_token": TOKEN}


def test_a_secret_is_not_saved_in_the_clear_under_the_name_of_a_setting(
    shell: Shell, workspace: Workspace, token: Path
) -> None:
    status, out, err = shell(*WEBSITE, "--secret", f"website_url=@{token}")
    assert (status, out) == (1, "")
    assert "Website URL is no secret" in err and TOKEN not in err
    assert list_sources(workspace) == []


def test_a_file_that_is_no_text_is_a_sentence(shell: Shell, workspace: Workspace, token: Path) -> None:
    token.write_bytes(b"\xff\xfe\x00")
    status, out, err = shell(*TWILIO, "--secret", f"auth_token=@{token}")
    assert (status, out) == (1, "")
    assert f"The file {token} cannot be read as text." in err and "[invalid_field]" in err
    assert list_sources(workspace) == []


def test_only_a_password_loses_the_line_break_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" a secret \r\n")
    found = read_secrets(get_definition("snowflake"), [f"password=@{file}", f"private_key=@{file}"])
    assert found == {"password": " a secret ", "private_key": " a secret \n"}


def test_a_value_may_hold_equals_signs_and_the_last_of_a_name_counts() -> None:
    pairs = ["host=a", "host=b=c"]
    assert read_settings(get_definition("postgres"), pairs) == {"host": "b=c"}


def test_a_change_needs_something_to_change_and_a_source_that_may_be_changed(
    shell: Shell, workspace: Workspace
) -> None:
    assert shell("sources", "change", "Nobody") == (2, "", "Name what to change with --set or --secret.\n")
    assert "[not_found]" in shell("sources", "change", "Nobody", "--set", "a=b")[2]
    ensure_flex_source(workspace)
    status, _, err = shell("sources", "change", "Flex events", "--set", "a=b")
    assert status == 1 and "[source_protected]" in err


def test_a_warehouse_is_changed_and_its_guide_printed_by_the_same_options(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id\n1\n")
    shell("warehouses", "create", "--name", "People", "--from", str(file))
    changed = shell.json("warehouses", "change", "People", "--set", "time_zone=Europe/Berlin")
    assert changed["settings"]["time_zone"] == "Europe/Berlin"
    assert "[invalid_field]" in shell("warehouses", "change", "People", "--secret", "path=env:HOME")[2]
    guide = ("warehouses", "guide", "--kind", "postgres", "--set")
    assert "onramp_reader" in shell(*guide, "user=onramp_reader")[1]
    status, out, err = shell(*guide, f"password={TOKEN}")
    assert (status, out, TOKEN in err) == (1, "", False)
