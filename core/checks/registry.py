"""The checks, in the order in which they run (spec/debugger-and-checks.md section 3)."""

from __future__ import annotations

from core.checks import (
    c01_sources_enabled,
    c02_warehouse_login,
    c03_warehouse_read,
    c04_warehouse_write,
    c05_unique_id,
    c06_model_limits,
    c07_mapping,
    c09_views_arrive,
    c10_identifiers,
    c11_traits,
    c12_flex_source,
    c13_space_sources,
    c15_profile_resolves,
)
from core.checks.check import Check

CHECKS: tuple[Check, ...] = tuple(
    Check(module.DEFINITION, module.run)
    for module in (
        c01_sources_enabled,
        c02_warehouse_login,
        c03_warehouse_read,
        c04_warehouse_write,
        c05_unique_id,
        c06_model_limits,
        c07_mapping,
        c09_views_arrive,
        c10_identifiers,
        c11_traits,
        c12_flex_source,
        c13_space_sources,
        c15_profile_resolves,
    )
)
