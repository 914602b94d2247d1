"""Whatever a person can meet is documented: codes, checks, settings, connectors, pages and commands."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from components.navigation import SCREENS
from core import errors
from core.cli.main import main, make_parser
from core.destinations.registry import DEFINITIONS as DESTINATIONS
from core.sources.registry import DEFINITIONS as SOURCES
from core.syncs.records import MESSAGES
from core.warehouses.registry import DEFINITIONS as WAREHOUSES

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [*(ROOT / "core").rglob("*.py"), *(ROOT / "components").glob("*.py"), *(ROOT / "pages").glob("*.py")]
MAKERS = {"refuse", "_refuse", "_issue", "MappingIssue", "Requirement"}
MAKES_A_CODE = re.compile(rf"code=|({'|'.join(sorted(MAKERS))})\(")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#]+)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def list_error_classes(kind: type[errors.CoreError]) -> Iterator[type[errors.CoreError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from list_error_classes(child)


@cache
def list_codes_in_use() -> set[str]:
    """Return the codes that the program gives to an error, an issue or an outcome at the place where it makes one."""
    found = set()
    for text in (path.read_text(encoding="utf-8") for path in PROGRAM):
        if not MAKES_A_CODE.search(text):  # most files: to parse all of them takes seconds in every worker
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                if getattr(node.func, "id", None) in MAKERS:
                    values += node.args[:1]
                for value in values:
                    found |= {
                        each.value
                        for each in ast.walk(value)
                        if isinstance(each, ast.Constant) and re.fullmatch(r"[a-z_]+", str(each.value))
                    }
    return found


def list_settings() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in (*PROGRAM, ROOT / "app.py", *(ROOT / "shell").glob("*.py"))]
    return set(re.findall(r"""["'](ONRAMP_[A-Z_]+)["']""", " ".join(texts)))


def list_commands() -> dict[str, argparse.ArgumentParser]:
    def walk(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not verbs:
            yield name, parser
        for action in verbs:
            for verb, child in action.choices.items():
                yield from walk(child, f"{name} {verb}".strip())

    return dict(walk(make_parser(), ""))


COMMANDS = list_commands()


@pytest.mark.parametrize("kind", sorted({kind.code for kind in list_error_classes(errors.CoreError)} - {"error"}))
def test_every_class_of_error_has_its_line(kind: str) -> None:
    assert f"| `{kind}` |" in read("docs/errors.md")


def test_whether_trying_again_helps_is_told_as_the_class_says() -> None:
    lines = read("docs/errors.md").splitlines()
    for kind in list_error_classes(errors.CoreError):
        for line in lines:
            if line.startswith(f"| `{kind.code}` |") and line.count("|") == 4:
                assert line.endswith("| yes |" if kind.retryable else "| no |"), line


def test_the_codes_in_use_are_found() -> None:
    assert {"two_statements", "warehouse_locked", "key_missing", "unknown_column"} <= list_codes_in_use()


@pytest.mark.parametrize("code", sorted(list_codes_in_use()))
def test_every_code_that_a_place_sets_is_explained(code: str) -> None:
    assert f"`{code}`" in read("docs/errors.md")


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_reason_of_a_record_is_explained_in_the_words_that_people_see(code: str) -> None:
    assert f"| `{code}` | {MESSAGES[code]} |" in read("docs/errors.md")


def test_no_code_is_documented_that_does_not_exist() -> None:
    known = list_codes_in_use() | set(MESSAGES) | {kind.code for kind in list_error_classes(errors.CoreError)}
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", read("docs/errors.md"), re.MULTILINE))
    assert documented <= known | {"not_found"}


@pytest.mark.parametrize("name", sorted(list_settings()))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in read("README.md")


def test_the_settings_are_found_and_none_is_documented_that_nothing_reads() -> None:
    documented = set(re.findall(r"^\| `(ONRAMP_[A-Z_]+)` \|", read("README.md"), re.MULTILINE))
    assert {"ONRAMP_HOME", "ONRAMP_DATABASE_URL"} <= documented == list_settings()


@pytest.mark.parametrize("definition", WAREHOUSES, ids=lambda item: item.name)
def test_every_warehouse_is_documented_with_its_settings(definition: object) -> None:
    text = read("docs/reference.md")
    assert f"| `{definition.name}` | {definition.label}" in text  # type: ignore[attr-defined]
    for field in definition.settings:  # type: ignore[attr-defined]
        assert f"`{field.name}`" in text


@pytest.mark.parametrize("definition", DESTINATIONS, ids=lambda item: item.name)
def test_every_destination_is_documented_with_its_fields(definition: object) -> None:
    text = read("docs/reference.md")
    assert f"| `{definition.name}` | {definition.label}" in text  # type: ignore[attr-defined]
    for action in definition.actions:  # type: ignore[attr-defined]
        assert f"{action.label} (`{action.name}`)" in text
        for field in (*action.fields, *definition.settings):  # type: ignore[attr-defined]
            assert f"`{field.name}`" in text


@pytest.mark.parametrize("definition", SOURCES, ids=lambda item: item.kind)
def test_every_source_is_documented(definition: object) -> None:
    assert f"| `{definition.kind}` | {definition.label} |" in read("docs/reference.md")  # type: ignore[attr-defined]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda item: item.url_path)
def test_every_page_is_documented_by_its_label_and_address(screen: object) -> None:
    assert f"| {screen.label} | `/{screen.url_path}`" in read("docs/reference.md")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    (line,) = (row for row in read("docs/reference.md").splitlines() if re.match(rf"\| `{name}( [A-Z:]+)?` \|", row))
    options = {option for action in COMMANDS[name]._actions for option in action.option_strings}
    for option in options - {"-h", "--help", "--json", "--home"}:
        assert f"`{option}`" in line


def test_no_command_is_documented_that_does_not_exist() -> None:
    section = read("docs/reference.md").partition("## Command line")[2]
    documented = re.findall(r"^\| `([a-z -]+?)(?: [A-Z:]+)?` \|", section, re.MULTILINE)
    assert set(documented) == set(COMMANDS)


@pytest.mark.parametrize("name", [[], *([command] for command in sorted({name.split()[0] for name in COMMANDS}))])
def test_help_names_every_command_and_verb(name: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        words = command.split()
        if words[: len(name)] == name and len(words) > len(name):
            assert re.search(rf"^ +{words[len(name)]}\s+\S", shown, re.MULTILINE), command


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))])
def test_every_link_and_image_leads_to_a_file(page: str) -> None:
    folder = (ROOT / page).parent
    for target in LINK.findall(read(page)):
        assert target.startswith(("http://", "https://")) or (folder / target).exists(), target


def test_every_image_is_shown_somewhere_and_every_page_of_docs_is_linked() -> None:
    everything = " ".join(read(str(path.relative_to(ROOT))) for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
    for path in (*ROOT.glob("docs/images/*.png"), *ROOT.glob("docs/*.md")):
        assert path.name in everything, path.name


def test_every_make_target_is_in_its_own_help() -> None:
    targets = set(re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
