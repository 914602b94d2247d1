"""The balance sheet of a run: every record is accounted for, with a reason for each one not delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from core.workspaces.suppression import SUPPRESSED_CODE


def _is_on_purpose(code: str) -> bool:
    return code.startswith("mode_excludes_") or code == SUPPRESSED_CODE


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """Counts of records.

    `extracted = delivered + unchanged + rejected + held`. Deletions are records that are no longer extracted, so they
    have lines of their own: `deleted_delivered`, `deleted_held`. `added` and `updated` split `delivered`. `reasons`
    counts rejected and held records and held deletions by code. `compared_here` says why every row was read although
    the warehouse was to compare them; "" where it did, or was not to.
    """

    extracted: int = 0
    delivered: int = 0
    unchanged: int = 0
    rejected: int = 0
    held: int = 0
    added: int = 0
    updated: int = 0
    deleted_delivered: int = 0
    deleted_rejected: int = 0
    deleted_held: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    compared_here: str = ""

    @property
    def closes(self) -> bool:
        """Whether every extracted record is accounted for, and every one not delivered has a reason."""
        refused = self.rejected + self.held + self.deleted_held + self.deleted_rejected
        return (
            self.extracted == self.delivered + self.unchanged + self.rejected + self.held
            and self.delivered == self.added + self.updated
            and refused == sum(self.reasons.values())
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing was rejected or held that should have been delivered."""
        on_purpose = sum(count for code, count in self.reasons.items() if _is_on_purpose(code))
        return self.rejected + self.held + self.deleted_rejected + self.deleted_held == on_purpose

    def to_dict(self) -> dict[str, object]:
        """Return the sheet as plain JSON types."""
        return asdict(self)

    @classmethod
    def count(
        cls, extracted: int, unchanged: int, outcomes: Sequence[tuple[str, str, str | None, int]]
    ) -> BalanceSheet:
        """Return the sheet of a run from its (operation, outcome, code, number of records)."""

        def count(outcome: str, *operations: str) -> int:
            return sum(n for operation, found, _, n in outcomes if found == outcome and operation in operations)

        reasons: dict[str, int] = {}
        for _, _, code, number in outcomes:
            if code is not None:
                reasons[code] = reasons.get(code, 0) + number
        return cls(
            extracted=extracted,
            unchanged=unchanged,
            delivered=count("delivered", "added", "updated"),
            rejected=count("rejected", "added", "updated"),
            held=count("held", "added", "updated"),
            added=count("delivered", "added"),
            updated=count("delivered", "updated"),
            deleted_delivered=count("delivered", "deleted"),
            deleted_rejected=count("rejected", "deleted"),
            deleted_held=count("held", "deleted"),
            reasons=reasons,
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, object]) -> BalanceSheet:
        """Return the sheet that `to_dict` wrote."""
        return cls(**document)  # type: ignore[arg-type]
