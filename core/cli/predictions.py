"""`predictions requirements|create|train|show|list|delete`."""

from __future__ import annotations

import argparse
from typing import Any

from core.building import build_space
from core.cli.output import DONE, FAILED, open_for, print_json, print_json_lines, print_table, say
from core.cli.space_option import add_space, find_space
from core.clock import to_iso
from core.errors import InvalidField, NotFound
from core.predictions.prediction import SCORE_EVERY_DAYS, Job, Prediction, PredictionKind, parse_definition
from core.predictions.requirements import Requirements, check_requirements
from core.predictions.run import run_job
from core.predictions.store import delete_prediction, list_predictions, request_job
from core.setup.entitled import create_entitled_prediction
from core.storage.lease import WORKER_WAIT_S
from core.workspaces.spaces import list_spaces
from core.workspaces.workspace import Workspace


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser("predictions", help="what customers will do, learned from events", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("requirements", parents=[shared], help="what a prediction needs and what there is")
    _add_definition(verb)
    verb.set_defaults(run=requirements)
    verb = verbs.add_parser("create", parents=[shared], help="makes a prediction; the worker trains it")
    _add_definition(verb)
    verb.add_argument("--name", help="what it is called; its trait's key is made of it")
    verb.add_argument("--daily", action="store_true", help="score people every day instead of every seven days")
    verb.set_defaults(run=create)
    verb = verbs.add_parser("train", parents=[shared], help="trains a prediction now and brings scores to profiles")
    _add_name(verb)
    verb.set_defaults(run=train)
    verb = verbs.add_parser("show", parents=[shared], help="state, quality and what weighs most")
    _add_name(verb)
    verb.set_defaults(run=show)
    verb = verbs.add_parser("list", parents=[shared], help="all predictions of a space")
    add_space(verb)
    verb.set_defaults(run=list_all)
    verb = verbs.add_parser("delete", parents=[shared], help="deletes a prediction; its scores stay on the profiles")
    _add_name(verb)
    verb.set_defaults(run=delete)


def requirements(args: argparse.Namespace) -> int:
    """Print what the prediction would need and what there is."""
    workspace = open_for(args)
    definition = parse_definition(args.kind, _read_document(args))
    found = check_requirements(workspace, find_space(workspace, args.space).id, definition, workspace.now(), say)
    if args.json:
        print_json({"met": found.are_met, **found.to_document()})
    else:
        _print_requirements(found)
    return DONE if found.are_met else FAILED


def create(args: argparse.Namespace) -> int:
    """Make a prediction, if there is enough to learn from."""
    workspace = open_for(args)
    space = find_space(workspace, args.space)
    made = create_entitled_prediction(
        workspace,
        space.id,
        args.kind,
        _read_document(args),
        name=args.name,
        score_every_days=SCORE_EVERY_DAYS[args.daily],
    )
    if args.json:
        print_json(_describe(made))
    else:
        command = f"predictions train {made.key} --space {space.slug}"
        print(f"{made.name} is waiting to be trained: by a worker, or by `{command}`.")
    return DONE


def train(args: argparse.Namespace) -> int:
    """Train now, and build the profiles that were scored."""
    workspace = open_for(args)
    prediction = _find(workspace, args)
    request_job(workspace, prediction.id, Job.TRAIN)
    trained = run_job(workspace, prediction.id, say)
    say("building profiles")
    build_space(workspace, trained.space_id, wait_s=WORKER_WAIT_S)
    _print(trained, as_json=args.json)
    return DONE


def show(args: argparse.Namespace) -> int:
    """Print one prediction."""
    prediction = _find(open_for(args), args)
    _print(prediction, as_json=args.json)
    return FAILED if prediction.error else DONE


def list_all(args: argparse.Namespace) -> int:
    """Print the predictions."""
    workspace = open_for(args)
    found = [_describe(each) for each in list_predictions(workspace, find_space(workspace, args.space).id)]
    if args.json:
        print_json_lines(found)
    else:
        head = ("name", "key", "state", "quality", "scored_at")
        print_table(head, [[each[name] for name in head] for each in found])
    return DONE


def delete(args: argparse.Namespace) -> int:
    """Delete one prediction."""
    workspace = open_for(args)
    prediction = _find(workspace, args)
    delete_prediction(workspace, prediction.id)
    if args.json:
        print_json({"deleted": prediction.id})
    else:
        print(f"{prediction.name} is deleted. Its scores stay on the profiles as the trait {prediction.key}.")
    return DONE


def _add_name(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("prediction", metavar="NAME", help="the prediction's name, trait key or id")
    add_space(verb)


def _find(workspace: Workspace, args: argparse.Namespace) -> Prediction:
    """Return the prediction of this name, key or id in the space.

    Raises:
        NotFound: There is none; the hint names the spaces that have one.
    """
    space = find_space(workspace, args.space)
    named = [each for each in list_predictions(workspace) if args.prediction in (each.id, each.name, each.key)]
    for prediction in named:
        if prediction.space_id == space.id:
            return prediction
    having = [each.slug for each in list_spaces(workspace) if each.id in {one.space_id for one in named}]
    hint = " or ".join(f"--space {slug}" for slug in having)
    raise NotFound(
        f"There is no prediction {args.prediction!r} in the space {space.name}.",
        hint=f"There is one elsewhere: add {hint}." if having else "`predictions list` shows their keys.",
    )


def _add_definition(verb: argparse.ArgumentParser) -> None:
    add_space(verb)
    verb.add_argument("--kind", required=True, choices=list(PredictionKind))
    verb.add_argument("--event", action="append", default=[], help="the predicted event; twice for either of two")
    verb.add_argument("--where", metavar="PROPERTY=VALUE", help="only events whose property has this value")
    verb.add_argument("--window", type=int, help="days ahead: 15, 30, 60, 90 or 120")
    verb.add_argument("--performs", action="store_true", help="churn is doing the event, not leaving it")
    verb.add_argument("--at-least", type=int, default=1, help="churn: how often the event is done at least")
    verb.add_argument("--amount-property", help="lifetime value: the property that holds the amount")
    verb.add_argument("--currency", default="USD", help="lifetime value: amounts in another one are left out")
    verb.add_argument("--exclude-event", action="append", default=[], help="an event that shall teach nothing")
    verb.add_argument("--exclude-trait", action="append", default=[], help="a trait that shall teach nothing")


def _read_document(args: argparse.Namespace) -> dict[str, Any]:
    name, is_equal, value = (args.where or "").partition("=")
    if args.where and not (name and is_equal):
        raise InvalidField(f"{args.where!r} is no condition.", hint="Write --where PROPERTY=VALUE.")
    condition = {"property": name, "operator": "equals", "value": value} if args.where else {}
    document: dict[str, Any] = {
        "targets": [{"event": event, **condition} for event in args.event],
        "performs": args.performs,
        "minimum": args.at_least,
        "amount_property": args.amount_property,
        "currency": args.currency,
        "excluded_events": args.exclude_event,
        "excluded_traits": args.exclude_trait,
    }
    return document if args.window is None else document | {"window_days": args.window}


def _print_requirements(found: Requirements) -> None:
    for item in found.items:
        mark = "met" if item.is_met else "MISSING" if item.is_hard else "advice"
        print(f"{mark:<8} {item.sentence}")
    for note in found.notes:
        print(f"{'note':<8} {note}")
    print("It can be trained." if found.are_met else "It cannot be trained yet.")


def _print(prediction: Prediction, *, as_json: bool) -> None:
    document = _describe(prediction)
    if as_json:
        print_json(document | {"definition": prediction.definition.to_document(), "report": prediction.report})
        return
    rows = [(name.replace("_", " "), value) for name, value in document.items() if name not in ("id", "error")]
    report = prediction.report
    if report:
        used = report[report["used"]]
        rows += [
            (f"{name.replace('_', ' ')} on unseen time", f"{used[name]:.3f}") for name in _MEASURES if name in used
        ]
        beaten = (
            "beats the plain baseline" if report["beats_baseline"] else "the plain baseline was not beaten and is used"
        )
        rows.append(("learned", f"{beaten}; {report['tested_on']:,} customers in the test"))
    print_table(("", ""), rows)
    if prediction.error:
        print(f"{prediction.error['message']} {prediction.error['hint']}")


def _describe(prediction: Prediction) -> dict[str, Any]:
    return {
        "id": prediction.id,
        "name": prediction.name,
        "kind": str(prediction.kind),
        "key": prediction.key,
        "state": str(prediction.state),
        "quality": prediction.report.get("quality"),
        "scored": prediction.report.get("scored"),
        "drift": prediction.report.get("drift"),
        "scored_at": to_iso(prediction.scored_at) if prediction.scored_at else None,
        "trained_at": to_iso(prediction.trained_at) if prediction.trained_at else None,
        "error": prediction.error,
    }


_MEASURES = ("auc", "log_loss", "lift", "calibration_error", "mean_absolute_error", "rank_correlation")
