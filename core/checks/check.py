"""What a configuration check is: a definition, a function that looks, a finding, a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checks.configuration import Configuration
    from core.checks.context import CheckContext


class CheckState(StrEnum):
    """How far a check has come and what it found."""

    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    BLOCKED = "blocked"
    """Not looked at, because a check that it needs failed."""


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """One check as data.

    `code` is the stable name (C1 …, spec/debugger-and-checks.md section 3), `title` what passes when it passes,
    `summary` what is looked at. A check is not run when one of `needs` failed: it would only repeat that failure. It is
    left out of the run where `applies` says that the workspace has nothing of the kind.
    """

    code: str
    title: str
    summary: str
    needs: tuple[str, ...] = ()
    applies: Callable[[Configuration], bool] = lambda _configuration: True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `cause` is one sentence, `evidence` the facts in lines, `fix` what to do or to paste."""

    state: CheckState
    cause: str
    evidence: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A definition with the function that looks."""

    definition: CheckDefinition
    run: Callable[[CheckContext], Finding]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of a check run. `incident` names the entry in the log when the check itself broke."""

    code: str
    title: str
    state: CheckState
    cause: str = ""
    evidence: str = ""
    fix: str = ""
    took_ms: int = 0
    incident: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return asdict(self)


def passed(cause: str, evidence: str = "") -> Finding:
    """Return a finding that all is well."""
    return Finding(CheckState.PASSED, cause, evidence)


def warning(cause: str, evidence: str = "", fix: str = "") -> Finding:
    """Return a finding that does not block."""
    return Finding(CheckState.WARNING, cause, evidence, fix)


def failed(cause: str, evidence: str = "", fix: str = "") -> Finding:
    """Return a finding that blocks."""
    return Finding(CheckState.FAILED, cause, evidence, fix)


def worst_state(states: Sequence[CheckState]) -> CheckState:
    """Return the overall state: failed before warning before passed; running while one is still to come.

    A blocked check stands for the failed one that blocks it.
    """
    if CheckState.RUNNING in states or CheckState.PENDING in states:
        return CheckState.RUNNING
    if CheckState.BLOCKED in states or CheckState.FAILED in states:
        return CheckState.FAILED
    if CheckState.WARNING in states:
        return CheckState.WARNING
    return CheckState.PASSED


def combine(findings: Sequence[tuple[str, Finding]]) -> Finding:
    """Return one finding for several objects, each given with its name: the worst one speaks, every one is evidence."""
    if len(findings) == 1:
        return findings[0][1]
    state = worst_state([finding.state for _, finding in findings])
    speaking = [finding for _, finding in findings if finding.state is state]
    lines = [f"{name}: {finding.cause} {finding.evidence}".strip() for name, finding in findings]
    fixes = dict.fromkeys(finding.fix for finding in speaking if finding.fix)
    return Finding(
        state, " ".join(dict.fromkeys(finding.cause for finding in speaking)), "\n".join(lines), "\n".join(fixes)
    )
