"""The identity rules of a space: shown, and tried on the real log before they are saved.

An edit is written TYPE=VALUE and may be given again for another identifier: `--limit email=3 --period email=weekly`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.errors import InvalidField
from core.identity.caps import change_caps, get_caps
from core.identity.edits import RuleEdit, find_rule, propose
from core.identity.identifiers import describe_place
from core.identity.resolve import VIOLATION_LABELS, Caps
from core.identity.rules import IdentifierRule, list_rules
from core.profiles.what_if import Part, Sample, WhatIf, WhatIfProgress, ask_what_if

SAY_EVERY = 50_000


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("identity", help="identity rules, and what others would do", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("rules", parents=[shared], help="the rules, strongest identifier first")
    add_space(verb)
    verb.set_defaults(run=show)
    verb = verbs.add_parser("caps", parents=[shared], help="how many merges and identifiers a profile may have")
    _add_caps(verb)
    add_space(verb)
    verb.set_defaults(run=set_caps)
    verb = verbs.add_parser("what-if", parents=[shared], help="who would merge or split by other rules; saves nothing")
    for option, text in (
        ("--limit", "values of one profile"),
        ("--period", "ever, daily, weekly, monthly or annually"),
        ("--priority", "its place, from 1"),
        ("--block", "one more blocked value"),
        ("--block-pattern", "one more blocked pattern"),
        ("--key", "of the trait or property that a custom one is read from"),
        ("--in-properties", "for email, on or off: properties.email counts as well"),
    ):
        verb.add_argument(option, metavar="TYPE=VALUE", action="append", default=[], help=text)
    verb.add_argument("--add", metavar="TYPE", action="append", default=[], help="one more identifier")
    verb.add_argument("--delete", metavar="TYPE", action="append", default=[], help="without this identifier")
    _add_caps(verb)
    add_space(verb)
    verb.set_defaults(run=what_if)


def show(args: argparse.Namespace) -> int:
    """Print the rules."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    rules, caps = list_rules(workspace, space.id), get_caps(workspace, space.id)
    if args.json:
        print_json_lines(_describe_rule(rule) for rule in rules)
        return DONE
    rows = [
        (rule.priority, rule.type, describe_place(rule), rule.value_limit, rule.period, _list_blocked(rule))
        for rule in rules
    ]
    print_table(("", "identifier", "read", "values", "within", "blocked"), rows)
    print(f"A profile has up to {caps.merges:,} merges and {caps.identifiers:,} identifiers.")
    return DONE


def set_caps(args: argparse.Namespace) -> int:
    """Print the caps, after changing those that are given."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    caps = _read_caps(args, get_caps(workspace, space.id))
    change_caps(workspace, space.id, caps)
    if args.json:
        print_json({"max_merges": caps.merges, "max_identifiers": caps.identifiers})
    else:
        print(f"A profile has up to {caps.merges:,} merges and {caps.identifiers:,} identifiers.")
    return DONE


def what_if(args: argparse.Namespace) -> int:
    """Try other rules on the log and print which profiles would merge or split."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    rules = list_rules(workspace, space.id)
    proposed = propose(rules, _read_edits(args, rules))
    caps = _read_caps(args, get_caps(workspace, space.id))
    said = 0

    def tell(progress: WhatIfProgress) -> None:
        nonlocal said
        if progress.done - said >= SAY_EVERY:
            said = progress.done
            say(f"{progress.done:,} of {progress.total:,} messages")

    found = ask_what_if(workspace, space.id, proposed, caps, progress=tell)
    if args.json:
        print_json(_describe(found))
    else:
        _print(found)
    return DONE


def _add_caps(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--max-merges", type=int, help="of one profile")
    verb.add_argument("--max-identifiers", type=int, help="of one profile")


def _read_caps(args: argparse.Namespace, caps: Caps) -> Caps:
    merges, identifiers = args.max_merges, args.max_identifiers
    return Caps(caps.merges if merges is None else merges, caps.identifiers if identifiers is None else identifiers)


def _read_edits(args: argparse.Namespace, rules: Sequence[IdentifierRule]) -> list[RuleEdit]:
    edits = [RuleEdit(type_, is_added=True) for type_ in args.add]
    rules = propose(rules, edits)
    edits += [RuleEdit(type_, value_limit=_whole(number)) for type_, number in map(_split, args.limit)]
    edits += [RuleEdit(type_, period=period) for type_, period in map(_split, args.period)]
    edits += [RuleEdit(type_, priority=_whole(number)) for type_, number in map(_split, args.priority)]
    edits += [RuleEdit(type_, key=key) for type_, key in map(_split, args.key)]
    edits += [RuleEdit(type_, in_properties=_is_on(text)) for type_, text in map(_split, args.in_properties)]
    for type_ in dict.fromkeys(type_ for type_, _ in map(_split, [*args.block, *args.block_pattern])):
        rule = find_rule(rules, type_)
        exact = [value for other, value in map(_split, args.block) if other == type_]
        patterns = [value for other, value in map(_split, args.block_pattern) if other == type_]
        blocked = [*rule.blocked_exact, *exact], [*rule.blocked_patterns, *patterns]
        edits.append(RuleEdit(type_, blocked_exact=blocked[0], blocked_patterns=blocked[1]))
    return [*edits, *(RuleEdit(type_, is_deleted=True) for type_ in args.delete)]


def _split(text: str) -> tuple[str, str]:
    type_, equals, value = text.partition("=")
    if not equals or not type_ or not value:
        raise InvalidField(f"{text!r} is no edit of an identifier.", hint="Write TYPE=VALUE, for example email=3.")
    return type_, value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidField(f"{text!r} is no whole number.", hint="Write TYPE=NUMBER, for example email=3.") from None


def _is_on(text: str) -> bool:
    if text not in ("on", "off"):
        raise InvalidField(f"{text!r} is neither on nor off.", hint="Write --in-properties email=on.")
    return text == "on"


def _print(found: WhatIf) -> None:
    print(f"{found.messages:,} messages: {found.profiles_before:,} profiles would be {found.profiles_after:,}.")
    print(f"{found.merging:,} profiles would become {found.merged_into:,}.")
    print(f"{found.splitting:,} profiles would fall apart into {found.split_into:,}.")
    for words, counts in (("lose", found.lost), ("gain", found.gained)):
        if counts:
            print(f"Profiles would {words} {', '.join(f'{number:,} {type_}' for type_, number in counts.items())}.")
    for words, samples in (("would become one", found.merges), ("would fall apart", found.splits)):
        for sample in samples:
            print(f"\n{sample.count:,} parts {words} ({sample.profile_id}):")
            for part in sample.parts:
                print(f"  {_list_identifiers(part)}")
    rules = dict.fromkeys([*found.violations_before, *found.violations_after])
    rows = [
        (VIOLATION_LABELS.get(rule, rule), found.violations_before.get(rule, 0), found.violations_after.get(rule, 0))
        for rule in rules
    ]
    if rows:
        print()
        print_table(("violations", "now", "then"), rows)


def _list_identifiers(part: Part) -> str:
    shown = ", ".join(f"{each.type}:{each.value}" for each in part.identifiers)
    more = part.count - len(part.identifiers)
    return f"{shown} and {more:,} more" if more > 0 else shown


def _describe(found: WhatIf) -> dict[str, object]:
    return {
        "messages": found.messages,
        "profiles": {"before": found.profiles_before, "after": found.profiles_after},
        "merging": {"profiles": found.merging, "into": found.merged_into},
        "splitting": {"profiles": found.splitting, "into": found.split_into},
        "lost": found.lost,
        "gained": found.gained,
        "merges": [_describe_sample(each) for each in found.merges],
        "splits": [_describe_sample(each) for each in found.splits],
        "violations": {"before": found.violations_before, "after": found.violations_after},
    }


def _describe_sample(sample: Sample) -> dict[str, object]:
    return {
        "profile_id": sample.profile_id,
        "count": sample.count,
        "parts": [
            {
                "profile_id": part.profile_id,
                "identifiers": [f"{each.type}:{each.value}" for each in part.identifiers],
                "count": part.count,
            }
            for part in sample.parts
        ],
    }


def _describe_rule(rule: IdentifierRule) -> dict[str, object]:
    return {
        "type": rule.type,
        "priority": rule.priority,
        "value_limit": rule.value_limit,
        "period": rule.period,
        "blocked_exact": rule.blocked_exact,
        "blocked_patterns": rule.blocked_patterns,
        "custom": rule.custom,
        "key": rule.trait_key if rule.custom and not rule.external_only else None,
        "in_properties": rule.in_properties,
        "external_only": rule.external_only,
    }


def _list_blocked(rule: IdentifierRule) -> str:
    return ", ".join([*rule.blocked_exact, *(f"/{pattern}/" for pattern in rule.blocked_patterns)])
