"""Step 2 of the option "A website or mobile app source": create the source, test that it sends, Done (W42-W59)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.errors import IllegalTransition
from core.events.arrivals import Arrivals, list_arrivals
from core.setup.branches import Connection
from core.setup.entitled import create_entitled_source
from core.setup.record import Finished, acting, update_record
from core.setup.status import Setup, describe, require_open
from core.setup.steps import Step
from core.sources.store import Source, get_source
from core.workspaces.spaces import connect_source
from core.workspaces.workspace import Workspace

_NAMES: Mapping[Connection, str] = {Connection.WEBSITE: "website", Connection.MOBILE: "mobile"}


class MobileSystem(StrEnum):
    """The operating systems of an app; the value is what a person reads (W53)."""

    IOS = "iOS"
    ANDROID = "Android"


KINDS: Mapping[MobileSystem, str] = {MobileSystem.IOS: "swift", MobileSystem.ANDROID: "kotlin"}
"""The kind of source of each system (W59)."""


def connect_website(workspace: Workspace, *, name: str, website_url: str, expected_version: int | None = None) -> Setup:
    """Create the source of the website (W44); it feeds the space. The same form sent twice makes one source.

    Raises:
        MissingField, InvalidField: The name or the address cannot be used.
        LimitExceeded: There is no room for another source (W115).
        IllegalTransition: Step 2 is locked, or the data source is another one, or a website is connected already.
        VersionConflict: Somebody else saved a change first; the context holds what was typed.
    """
    return _connect(workspace, Connection.WEBSITE, "javascript", name, {"website_url": website_url}, expected_version)


def connect_mobile(
    workspace: Workspace, *, system: MobileSystem, name: str, expected_version: int | None = None
) -> Setup:
    """Create the source of the app (W54). During the setup it is one app: iOS or Android (W52).

    Raises:
        MissingField, InvalidField: The name cannot be used.
        LimitExceeded: There is no room for another source (W115).
        IllegalTransition: Step 2 is locked, or the data source is another one, or an app is connected already.
        VersionConflict: Somebody else saved a change first; the context holds what was typed.
    """
    return _connect(workspace, Connection.MOBILE, KINDS[system], name, {}, expected_version)


def look_for_views(workspace: Workspace, source_id: str) -> Arrivals:
    """Return what has arrived from the source so far: Test Connection (W48, W49, W56, W57).

    Raises:
        NotFound: There is no such source.
    """
    return list_arrivals(workspace, [get_source(workspace, source_id)])[0]


def require_view(arrivals: Arrivals) -> None:
    """Refuse to go on where no view is part of what has arrived.

    Raises:
        IllegalTransition: None is, code `no_view_yet`; the hint says what to do.
    """
    if arrivals.is_seen:
        return
    what, hint = f"No {arrivals.shown_by} has arrived yet.", f"Open your {_PLACES[arrivals.shown_by]}, then test again."
    if arrivals.events:
        what = f"Events arrive, but no {arrivals.shown_by} yet."
        hint = f"Call {arrivals.shown_by}() in your code, or skip this step."
    raise IllegalTransition(what, code="no_view_yet", hint=hint)


def finish_test(
    workspace: Workspace, connection: Connection, *, skip: bool = False, expected_version: int | None = None
) -> Setup:
    """End the test of the website or the app: Done once a view was detected, or Skip this step (W48, W50, W58).

    Raises:
        IllegalTransition: No source was created, or no view has arrived and the test is not skipped.
        VersionConflict: Somebody else saved a change first.
    """
    with acting(workspace, expected_version) as record:
        setup = describe(workspace, record)
        require_open(setup, Step.CONNECTIONS)
        source_id = _get_source_id(setup, connection)
        if source_id is None:
            raise IllegalTransition(
                "There is no source to test yet.", code="step_locked", hint="Press Connect Source first."
            )
        arrivals = look_for_views(workspace, source_id)
        if not skip:
            require_view(arrivals)
        # A page that was seen before is not unseen because the test is skipped later.
        how = Finished.TESTED if arrivals.is_seen else Finished.SKIPPED
        saved = update_record(workspace, lambda now: now.with_state(**{f"{_NAMES[connection]}_finished": str(how)}))
    return describe(workspace, saved)


def _connect(
    workspace: Workspace,
    connection: Connection,
    kind: str,
    name: str,
    settings: Mapping[str, object],
    expected_version: int | None,
) -> Setup:
    typed = {"name": name, **settings}
    with acting(workspace, expected_version, typed) as record:
        setup = describe(workspace, record)
        require_open(setup, Step.CONNECTIONS)
        if setup.get_connection(connection) is None:
            raise IllegalTransition(
                f"{connection.value} is no part of the data source that was chosen.",
                code="step_locked",
                hint="More sources can be added after the setup, on Your Segment Overview.",
            )
        existing = _get_source_id(setup, connection)
        source = _reuse(get_source(workspace, existing), kind, name) if existing else None
        if source is None:
            source = create_entitled_source(workspace, kind=kind, name=name, settings=settings)
        connect_source(workspace, str(setup.space_id), source.id)
        changes: dict[str, str | None] = {f"{_NAMES[connection]}_source_id": source.id}
        if source.id != existing:
            changes |= {f"{_NAMES[connection]}_finished": None}  # a new source is tested anew
        saved = update_record(workspace, lambda now: now.with_state(**changes))
    return describe(workspace, saved)


def _reuse(source: Source, kind: str, name: str) -> Source:
    if source.kind == kind and source.name == name.strip():
        return source
    raise IllegalTransition(
        f"The source {source.name!r} is connected already; during the setup there is one.",
        code="one_source_during_setup",
        hint="Go on with it, or rename or delete it on Your Segment Overview. More can be added there after the setup.",
    )


def _get_source_id(setup: Setup, connection: Connection) -> str | None:
    return setup.website_source_id if connection is Connection.WEBSITE else setup.mobile_source_id


_PLACES: Mapping[str, str] = {"page": "site and view a few pages", "screen": "app and view a few screens"}
