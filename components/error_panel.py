"""What a person sees when something fails: what happened, what to do, and a code to look up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st
from streamlit.errors import FragmentHandledException

from components.plain_text import escape_markdown
from core.clock import SystemClock
from core.errors import CoreError
from core.incidents import Incident, report_incident


@dataclass(slots=True)
class Attempt:
    """How the guarded block ended: `failed` is set once it has raised."""

    failed: bool = False
    error: CoreError | None = None


@contextmanager
def error_panel(during: str = "") -> Iterator[Attempt]:
    """Run a block or a function; draw a `CoreError` as message, hint and code, anything else as an incident number.

    A fragment needs one of its own: what fails in it does not reach the page around it.

    Args:
        during: What was being done, for the log and for the sentence about an unexpected failure.

    Yields:
        The attempt, so that the page can tell whether to go on.
    """
    attempt = Attempt()
    try:
        yield attempt
    except CoreError as error:
        attempt.failed, attempt.error = True, error
        draw_error(error)
    except FragmentHandledException:  # Streamlit has already drawn it
        raise
    except Exception as error:  # noqa: BLE001 - the last guard before the screen; logged with its trace
        attempt.failed = True
        # The incident number is drawn from the machine's clock: there may be no workspace, and so no other clock.
        draw_error(report_incident(error, SystemClock().now(), during))


def draw_error(error: CoreError) -> None:
    """Draw one failure that a person can act on."""
    lines = [f"**{escape_markdown(error.message)}**"]
    if error.hint:
        lines.append(escape_markdown(error.hint))
    again = " · trying again may help" if error.retryable else ""
    lines.append(f":small[`{error.code}`{again}]")
    icon = ":material/bug_report:" if isinstance(error, Incident) else ":material/error:"
    st.error("\n\n".join(lines), icon=icon)
    draw_details(error)


def draw_stored_error(error: Mapping[str, object]) -> None:
    """Draw the failure that some work was stored with."""
    draw_error(CoreError.from_dict(error))


def draw_details(error: CoreError) -> None:
    """Draw what helps to mend the failure: the grant that is missing, and what the warehouse said, folded."""
    if grant := error.context.get("grant"):
        st.caption("What its owner runs to allow it:")
        st.code(str(grant), language=None, wrap_lines=True)  # SQL, or a command of the vendor
    if said := error.context.get("engine_message"):
        with st.expander("What the warehouse said"):
            st.code(str(said), language=None, wrap_lines=True)
