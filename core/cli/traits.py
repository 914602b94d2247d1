"""`traits list|create|preview|edit|run|export|enable|disable|delete`: computed traits, and traits by SQL."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.cli import sql_traits
from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.errors import InvalidField, NotFound
from core.setup.entitled import create_entitled_trait
from core.traits.computed_trait import ComputedTrait, TraitKind
from core.traits.conditions import OPERATORS
from core.traits.export import ExportLayout, export_trait
from core.traits.preview import preview_trait, require_members
from core.traits.recipes import RECIPES
from core.traits.store import count_owners, delete_trait, disable_trait, edit_trait, enable_trait, list_traits
from core.workspaces.workspace import Workspace


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("traits", help="computed traits and SQL traits", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", parents=[shared], help="all computed and SQL traits, with their status")
    add_space(verb)
    verb.set_defaults(run=show)
    for name, run, text in (
        ("create", create, "make a computed trait, or with --sql traits that a query keeps"),
        ("preview", preview, "who would have it, before it is made"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.add_argument("name", metavar="NAME", help="the trait's name, or the key of a recipe")
        _add_definition(verb)
        if run is create:
            _add_consent(verb)
        sql_traits.add_query(verb, with_warehouse=True)
        add_space(verb)
        verb.set_defaults(run=run)
    verb = verbs.add_parser("edit", parents=[shared], help="change what it counts, or the query that keeps it")
    verb.add_argument("key", metavar="KEY", help="the trait's key or id, or the name of SQL traits")
    _add_definition(verb)
    _add_consent(verb)
    sql_traits.add_query(verb, with_warehouse=False)
    add_space(verb)
    verb.set_defaults(run=edit)
    verb = verbs.add_parser("run", parents=[shared], help="run the query of SQL traits now")
    verb.add_argument("key", metavar="NAME", help="the name or id of SQL traits")
    verb.set_defaults(run=run_now)
    verb = verbs.add_parser("export", parents=[shared], help="everybody who has a value, as CSV on standard output")
    verb.add_argument("key", metavar="KEY", help="the trait's key or id")
    verb.add_argument("--layout", choices=[str(each) for each in ExportLayout], default=str(ExportLayout.JSON))
    add_space(verb)
    verb.set_defaults(run=export)
    for name, run, text in (
        ("enable", enable, "compute it again, from the whole history"),
        ("disable", disable, "stop computing it; its values stay"),
        ("delete", delete, "stop computing or keeping it; its values stay as a custom trait"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.add_argument("key", metavar="KEY", help="the trait's key or id")
        add_space(verb)
        verb.set_defaults(run=run)


def _add_definition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=[str(kind) for kind in TraitKind])
    parser.add_argument("--event", help="the event it counts")
    parser.add_argument("--page", action="store_true", help="count page calls; --event is then the page's name, if any")
    parser.add_argument("--property", help="the event property it looks at; dots lead inside: page.url")
    parser.add_argument("--value-type", choices=("text", "number"))
    parser.add_argument("--aggregate", choices=("sum", "average", "minimum", "maximum"))
    parser.add_argument("--minimum-frequency", type=int, metavar="N")
    parser.add_argument("--scope", choices=("user", "account"))
    parser.add_argument("--days", type=int, metavar="N", help="count the last N days only")
    parser.add_argument("--session-minutes", type=int, metavar="N", help="count the session that goes on only")
    parser.add_argument(
        "--where",
        action="append",
        nargs="+",
        default=[],
        metavar="WORD",
        help=f"a condition: PROPERTY OPERATOR [VALUE ...]; operators: {', '.join(OPERATORS)}",
    )


def _add_consent(parser: argparse.ArgumentParser) -> None:
    text = "save a computed trait that nobody would have yet: it fills as events arrive"
    parser.add_argument("--without-members", action="store_true", help=text)


def show(args: argparse.Namespace) -> int:
    """Print the traits."""
    workspace = open_for(args)
    space_id = find_space(workspace, args.space).id
    found = [_describe(workspace, trait) for trait in list_traits(workspace, space_id)]
    rows = [*found, *sql_traits.list_rows(workspace, space_id)]
    if args.json:
        print_json_lines(rows)
    else:
        head = ("key", "name", "kind", "status", "owners")
        print_table(head, [[row[column] for column in head] for row in rows])
    return DONE


def create(args: argparse.Namespace) -> int:
    """Make a trait."""
    if sql_traits.is_asked_for(args):
        return sql_traits.create(args)
    workspace = open_for(args)
    name, kind, definition = _read_definition(args)
    space = find_space(workspace, args.space)
    _require_members(workspace, space.id, kind, definition, args)
    trait = create_entitled_trait(workspace, space.id, name=name, kind=kind, definition=definition)
    if args.json:
        print_json(_describe(workspace, trait))
    else:
        print(f"{trait.key}: preparing; the worker computes its history")
    return DONE


def preview(args: argparse.Namespace) -> int:
    """Print who would have a trait."""
    if sql_traits.is_asked_for(args):
        return sql_traits.preview(args)
    workspace = open_for(args)
    _, kind, definition = _read_definition(args)
    found = preview_trait(workspace, find_space(workspace, args.space).id, kind, definition)
    if args.json:
        sample = [{"who": each.title, "profile_id": each.profile_id, "value": each.value} for each in found.sample]
        about = {"members": found.members, "events": found.events, "is_partial": found.is_partial}
        print_json({**about, "sentence": found.sentence, "sample": sample})
    else:
        print(found.sentence)
        print_table(("who", "value"), [(each.title, each.value) for each in found.sample])
    return DONE


def edit(args: argparse.Namespace) -> int:
    """Change a trait."""
    workspace = open_for(args)
    if sql_traits.is_one(workspace, args.key):
        return sql_traits.edit(workspace, args)
    trait = _find(workspace, args)
    if sql_traits.is_asked_for(args) or args.kind is None:
        raise InvalidField(
            f"{trait.key} is computed from events.", hint="Say what it counts: --kind, and what its kind needs."
        )
    args.name = trait.name
    _, kind, definition = _read_definition(args)
    _require_members(workspace, trait.space_id, kind, definition, args)
    edited = edit_trait(workspace, trait.id, name=trait.name, kind=kind, definition=definition)
    return _report(workspace, args, edited, "changed; the worker computes its history anew")


def run_now(args: argparse.Namespace) -> int:
    """Run the query of SQL traits."""
    return sql_traits.run(open_for(args), args)


def export(args: argparse.Namespace) -> int:
    """Write a trait's values as CSV."""
    workspace = open_for(args)
    trait = _find(workspace, args)
    for piece in export_trait(workspace, trait, ExportLayout(args.layout)):
        sys.stdout.write(piece)
    return DONE


def enable(args: argparse.Namespace) -> int:
    """Compute a trait again."""
    workspace = open_for(args)
    trait = enable_trait(workspace, _find(workspace, args).id)
    return _report(workspace, args, trait, "enabled; the worker computes its history")


def disable(args: argparse.Namespace) -> int:
    """Stop computing a trait."""
    workspace = open_for(args)
    trait = disable_trait(workspace, _find(workspace, args).id)
    return _report(workspace, args, trait, "disabled; its values stay as they are")


def delete(args: argparse.Namespace) -> int:
    """Delete a trait."""
    workspace = open_for(args)
    if sql_traits.is_one(workspace, args.key):
        return sql_traits.delete(workspace, args)
    trait = _find(workspace, args)
    delete_trait(workspace, trait.id)
    if args.json:
        print_json({"deleted": trait.key})
    else:
        print(f"{trait.key}: deleted; its values stay as a custom trait")
    return DONE


def _report(workspace: Workspace, args: argparse.Namespace, trait: ComputedTrait, text: str) -> int:
    if args.json:
        print_json(_describe(workspace, trait))
    else:
        print(f"{trait.key}: {text}")
    return DONE


def _describe(workspace: Workspace, trait: ComputedTrait) -> dict[str, object]:
    return {
        "id": trait.id,
        "key": trait.key,
        "name": trait.name,
        "kind": trait.kind,
        "status": str(trait.status),
        "progress": trait.progress,
        "failure": trait.failure,
        "owners": count_owners(workspace, trait),
        "computed_to": trait.computed_to,
        "created_at": to_iso(trait.created_at),
        "definition": trait.definition,
    }


def _read_definition(args: argparse.Namespace) -> tuple[str, str, dict[str, object]]:
    recipe = next((each for each in RECIPES if each.key == args.name), None)
    if args.kind is None:
        if recipe is None:
            keys = ", ".join(each.key for each in RECIPES)
            raise InvalidField("The trait has no kind.", hint=f"Use --kind, or name one of the recipes: {keys}.")
        return recipe.name, recipe.kind, dict(recipe.definition)
    named = {
        "message_type": "page" if args.page else "track",
        "event": args.event,
        "property": args.property,
        "value_type": args.value_type,
        "aggregate": args.aggregate,
        "minimum_frequency": args.minimum_frequency,
        "scope": args.scope,
        "window": _read_window(args),
        "conditions": [_read_condition(words) for words in args.where],
    }
    return args.name, args.kind, {key: value for key, value in named.items() if value is not None}


def _require_members(
    workspace: Workspace, space_id: str, kind: str, definition: dict[str, object], args: argparse.Namespace
) -> None:
    if args.without_members:
        return
    try:
        require_members(preview_trait(workspace, space_id, kind, definition))
    except InvalidField as error:
        raise InvalidField(error.message, hint=f"{error.hint} --without-members makes it all the same.") from error


def _read_window(args: argparse.Namespace) -> dict[str, object] | None:
    if args.days is not None:
        return {"type": "sliding", "days": args.days}
    if args.session_minutes is not None:
        return {"type": "session", "inactivity_minutes": args.session_minutes}
    return None


def _read_condition(words: Sequence[str]) -> dict[str, object]:
    operator = words[1] if len(words) > 1 else ""
    values = list(words[2:])
    value: object = values if operator.endswith("one_of") else " ".join(values)
    return {"property": words[0], "operator": operator, "value": value}


def _find(workspace: Workspace, args: argparse.Namespace) -> ComputedTrait:
    for trait in list_traits(workspace, find_space(workspace, args.space).id):
        if args.key in (trait.key, trait.id):
            return trait
    raise NotFound(f"There is no computed trait {args.key!r}.", hint="`traits list` shows their keys.")
