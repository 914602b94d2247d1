"""The people of a whole history of messages, beside SciPy's connected components of the same edges.

Each message ties two identifiers: a user's id to one of their e-mail addresses, telephone numbers and devices. One
device in a thousand is a shop's, used by several people, whose profiles must not become one.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence

import numpy as np
import report
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.identity.resolve_all import History, resolve_all
from core.identity.rule import IdentifierRule

TYPES = ("user_id", "email", "phone", "device")
SHARED = 0.001


def main(argv: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = report.make_parser(__doc__, rows=16_000_000)
    parser.add_argument("--identifiers", type=int, default=10_000_000, help="how many identifiers (default 10,000,000)")
    arguments = parser.parse_args(argv)
    history = _make_history(arguments.rows, arguments.identifiers)
    rules = {name: IdentifierRule(name, place + 1, 1 if place == 0 else 5) for place, name in enumerate(TYPES)}
    found = report.Report(f"identity of {arguments.rows:,} messages with {arguments.identifiers:,} identifiers")
    bare, ours, people = [], [], None
    for _ in range(arguments.repeat):
        started = time.perf_counter()
        _find_components(history)
        bare.append(time.perf_counter() - started)
        started = time.perf_counter()
        people = resolve_all(history, rules, lambda places: [f"{place:09d}" for place in places])
        ours.append(time.perf_counter() - started)
    assert people is not None
    found.add(report.Measurement("SciPy's connected components", min(bare), arguments.rows, tuple(bare)))
    found.add(report.Measurement("resolve_all, with every limit kept", min(ours), arguments.rows, tuple(ours)))
    found.ratios["resolve_all, of SciPy's time"] = min(ours) / min(bare)
    found.facts |= {
        "people": f"{len(np.unique(people.owners)):,}",
        "messages gone through one by one": f"{people.replayed:,}",
        "peak memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB",
    }
    found.print(as_json=arguments.json)
    return 0


def _make_history(messages: int, identifiers: int) -> History:
    chance = np.random.default_rng(7)
    users = identifiers // 3
    types = np.concatenate([np.zeros(users), 1 + np.arange(identifiers - users) % 3]).astype(np.int16)
    others = np.arange(users, identifiers)
    owner = chance.integers(0, users, len(others))
    # every identifier is seen once, then the busy ones again; a shared device is seen with anybody
    again = chance.integers(0, len(others), messages - len(others))
    pairs = np.concatenate([np.arange(len(others)), again])
    chance.shuffle(pairs)
    user = owner[pairs]
    is_shared = (types[others[pairs]] == 3) & (pairs % int(1 / SHARED) == 0)
    user = np.where(is_shared, chance.integers(0, users, messages), user)
    tied = np.stack([user, others[pairs]], axis=1).ravel().astype(np.int64)
    starts = np.arange(messages, dtype=np.int64) * 2
    return History(starts, tied, types, TYPES, np.arange(messages, dtype=np.int64), np.zeros(messages, bool))


def _find_components(history: History) -> None:
    first, second = history.identifiers[0::2].astype(np.int32), history.identifiers[1::2].astype(np.int32)
    size = len(history.types)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(size, size))
    connected_components(graph.tocsr(), directed=False)


if __name__ == "__main__":
    report.run(main)
