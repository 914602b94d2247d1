"""`profiles merges|explain|undo-merge|rejoin`: why profiles became one, and how they become two again."""

from __future__ import annotations

import argparse

from core.cli.output import DONE, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.errors import InvalidField
from core.identity.rule import Identifier
from core.profiles.lookup import get_profile
from core.profiles.profile import ProfileMerge
from core.profiles.splits import Split, list_splits
from core.profiles.ties import Link, read_ties
from core.profiles.undo import Act, PlannedProfile, SplitPlan, SplitProgress, plan_split, split
from core.profiles.violations import MERGE_RULES, list_violations
from core.traits.engine import ComputedTraitEngine

SAY_EVERY = 20_000


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the verbs to `profiles`."""
    verb = verbs.add_parser("merges", parents=[shared], help="merges behind a profile; without one, who is kept apart")
    verb.add_argument("who", metavar="TYPE:VALUE", nargs="?", help="or a profile id")
    add_space(verb)
    verb.set_defaults(run=show_merges)
    verb = verbs.add_parser("explain", parents=[shared], help="which messages tied the identifiers of a profile")
    verb.add_argument("who", metavar="TYPE:VALUE", help="or a profile id")
    verb.add_argument("--from", dest="start", metavar="TYPE:VALUE", help="its one end (default: the strongest)")
    verb.add_argument("--to", dest="end", metavar="TYPE:VALUE", help="its other end (default: each of the others)")
    add_space(verb)
    verb.set_defaults(run=explain)
    for name, act, text in (
        ("undo-merge", Act.UNDO, "split what a merge made one, and keep it apart"),
        ("rejoin", Act.REJOIN, "keep two profiles apart no longer, and build them again"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.add_argument("merged_id", metavar="PROFILE", help="the id that was merged away: `profiles merges`")
        verb.add_argument("--from", dest="survivor_id", metavar="PROFILE", help="the other one, where several fit")
        verb.add_argument("--dry-run", action="store_true", help="say what would change and change nothing")
        add_space(verb)
        verb.set_defaults(run=change, act=act)


def show_merges(args: argparse.Namespace) -> int:
    """Print merges, refused ones, and the profiles that are kept apart."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    profile = get_profile(workspace, space.id, args.who) if args.who else None
    profile_id = profile.id if profile else None
    kept_apart = list_splits(workspace, space.id, profile_id=profile_id)
    merges = profile.merges if profile else ()
    refused = list_violations(workspace, space.id, profile_id=profile_id) if profile_id else []
    refused = [each for each in refused if each.rule in MERGE_RULES]
    if args.json:
        document = {
            "merges": [_describe_merge(each) for each in merges],
            "refused": [{"rule": each.rule, "why": each.sentence} for each in refused],
            "kept_apart": [_describe_split(each) for each in kept_apart],
        }
        print_json(document)
        return DONE
    for each in merges:
        print(each.sentence)
    for violation in refused:
        print(f"Refused: {violation.sentence}")
    for rule in kept_apart:
        print(f"{rule.merged_now} and {rule.survivor_now} are kept apart since {to_iso(rule.created_at)}.")
    if not (merges or refused or kept_apart):
        print("Nothing was merged, refused or split.")
    return DONE


def explain(args: argparse.Namespace) -> int:
    """Print the shortest chain of messages between identifiers."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    ties = read_ties(workspace, space.id, get_profile(workspace, space.id, args.who).id)
    start = _parse(args.start) if args.start else ties.identifiers[0]
    ends = [_parse(args.end)] if args.end else [each for each in ties.identifiers if each != start]
    chains = [(end, ties.find_chain(start, end)) for end in ends]
    if args.json:
        print_json_lines({"from": _join(start), "to": _join(end), "links": _describe(links)} for end, links in chains)
        return DONE
    for end, links in chains:
        if links is None:
            print(f"{_join(start)} and {_join(end)}: a message that tied them is no longer in the event log.")
            continue
        print(f"{_join(start)} and {_join(end)}:")
        for link in links:
            print(f"  {_join(link.start)} and {_join(link.end)}: {link.tie.sentence}")
    return DONE


def change(args: argparse.Namespace) -> int:
    """Undo a merge, or take that back."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    work = plan_split if args.dry_run else split
    engine, told = ComputedTraitEngine(), _Teller()
    plan = work(workspace, space.id, args.act, args.merged_id, engine, survivor_id=args.survivor_id, progress=told.tell)
    if args.json:
        print_json(_describe_plan(plan, is_done=not args.dry_run))
    else:
        _print_plan(plan)
    return DONE


class _Teller:
    """Says now and then how far it has come."""

    def __init__(self) -> None:
        self._said = 0

    def tell(self, progress: SplitProgress) -> None:
        done = progress.read + progress.applied
        if done - self._said >= SAY_EVERY:
            self._said = done
            say(f"{progress.applied:,} of {progress.total:,} messages" if progress.total else f"{progress.read:,} read")


def _print_plan(plan: SplitPlan) -> None:
    rows = [("before", each) for each in plan.before] + [("after", each) for each in plan.after]
    print_table(
        ("", "profile", "messages", "traits", "identifiers"),
        [
            (when, each.id, each.messages, len(each.traits), ", ".join(map(_join, each.identifiers)))
            for when, each in rows
        ],
    )
    if plan.lost:
        print(f"No profile has any more: {', '.join(map(_join, plan.lost))}")


def _describe_plan(plan: SplitPlan, *, is_done: bool) -> dict[str, object]:
    return {
        "act": plan.act,
        "done": is_done,
        "profiles": [plan.merge.survivor_id, plan.merge.merged_id],
        "messages": plan.messages,
        "before": [_describe_profile(each) for each in plan.before],
        "after": [_describe_profile(each) for each in plan.after],
        "lost": [_join(each) for each in plan.lost],
    }


def _describe_merge(merge: ProfileMerge) -> dict[str, object]:
    return {
        "at": to_iso(merge.at),
        "merged_id": merge.merged_id,
        "survivor_id": merge.survivor_id,
        "why": merge.sentence,
    }


def _describe_profile(planned: PlannedProfile) -> dict[str, object]:
    return {
        "id": planned.id,
        "identifiers": [_join(each) for each in planned.identifiers],
        "traits": planned.traits,
        "messages": planned.messages,
    }


def _describe_split(rule: Split) -> dict[str, object]:
    return {
        "merged_id": rule.merge.merged_id,
        "survivor_id": rule.merge.survivor_id,
        "profiles": [rule.merged_now, rule.survivor_now],
        "since": to_iso(rule.created_at),
        "by": rule.created_by,
        "merge": rule.merge.sentence,
    }


def _describe(links: tuple[Link, ...] | None) -> list[dict[str, object]] | None:
    if links is None:
        return None
    return [
        {
            "from": _join(link.start),
            "to": _join(link.end),
            "message": link.tie.log_offset,
            "message_id": link.tie.message_id,
            "at": to_iso(link.tie.at),
            "origin": link.tie.sentence,
        }
        for link in links
    ]


def _parse(text: str) -> Identifier:
    type_, colon, value = text.partition(":")
    if not colon or not type_ or not value:
        raise InvalidField(f"{text!r} is no identifier.", hint="Write TYPE:VALUE, for example email:ada@example.org.")
    return Identifier(type_, value)


def _join(identifier: Identifier) -> str:
    return f"{identifier.type}:{identifier.value}"
