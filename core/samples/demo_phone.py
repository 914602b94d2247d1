"""A phone for the demo: what an app with Segment's library sends when it is started and two screens are viewed.

Source: analytics-swift 1.9.4 (Context.swift, iOSLifecycleEvents.swift, DirectoryStore.swift) and analytics-kotlin
1.24.1 (AndroidContextPlugin.kt, AndroidLifecyclePlugin.kt, StorageImpl.kt), read and not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from core.clock import to_iso
from core.errors import InvalidField
from core.samples.demo_events import Message
from core.sources.store import Source

SCREENS = ("Home", "Heat pumps", "Basket", "Contact")
"""The screens of the app, in the order in which a person comes to them."""

_APP = {"name": "Sunny Hollow (demo)", "version": "4.2.0", "build": "420", "namespace": "com.example.sunnyhollow"}
_NAMESPACE = UUID("6a1d2f4e-0c55-4f7e-9d0b-3b7f3f3b8f10")
_STEP_S = 2


@dataclass(frozen=True, slots=True)
class Device:
    """A phone as its system's library describes it, and how that library packs a batch."""

    library: Mapping[str, str]
    user_agent: str
    content_type: str
    is_packed: bool
    hardware: Mapping[str, object]
    os: Mapping[str, str]
    screen: Mapping[str, float]


DEVICES: Mapping[str, Device] = {
    "swift": Device(
        library={"name": "analytics-swift", "version": "1.9.4"},
        user_agent="analytics-ios/1.9.4",
        content_type="application/json; charset=utf-8",
        is_packed=False,
        hardware={"manufacturer": "Apple", "model": "iPhone16,1", "name": "Demo phone", "type": "ios"},
        os={"name": "iOS", "version": "19.1"},
        screen={"width": 393, "height": 852},
    ),
    "kotlin": Device(
        library={"name": "analytics-kotlin", "version": "1.24.1"},
        user_agent="analytics-kotlin/1.24.1",
        content_type="text/plain",
        is_packed=True,
        hardware={"manufacturer": "Google", "model": "Pixel 9", "name": "Demo phone", "type": "android"},
        os={"name": "Android", "version": "16"},
        screen={"width": 1080, "height": 2424, "density": 2.625},
    ),
}
"""The phone of each kind of source that an app has."""


def get_device(source: Source) -> Device:
    """Return the phone that fits the source.

    Raises:
        InvalidField: The source is not that of an app.
    """
    device = DEVICES.get(source.kind)
    if device is None:
        raise InvalidField(
            f"The source {source.name!r} is not that of an app, so no phone sends to it.",
            hint="Choose a Swift or a Kotlin source.",
        )
    return device


def make_demo_session(
    source: Source, *, now: datetime, screens: Sequence[str] = SCREENS[:2], email: str | None = None
) -> list[Message]:
    """Return the messages of one use of the app, oldest first; the last one happens `now`.

    A source has one phone: it keeps its ids, and is installed once, however often the app is used.

    Args:
        source: A Swift or a Kotlin source.
        now: Aware.
        screens: The names of the screens that are viewed.
        email: Who signs in at the end; nobody without it.
    """
    calls = list(_list_calls(screens, email))
    session = uuid5(_phone(source), to_iso(now))
    first_at = now - timedelta(seconds=_STEP_S * (len(calls) - 1))
    who = {"anonymousId": str(_phone(source)), "integrations": {}, "context": _describe(source, str(session))}
    messages = []
    for number, call in enumerate(calls):
        is_install = call.get("event") == "Application Installed"
        at = first_at + timedelta(seconds=_STEP_S * number)
        message_id = uuid5(_phone(source) if is_install else session, str(number))
        messages.append({**call, **who, "messageId": str(message_id), "timestamp": to_iso(at)})
    return messages


def _list_calls(screens: Sequence[str], email: str | None) -> Iterator[Message]:
    build = {"version": _APP["version"], "build": _APP["build"]}
    yield {"type": "track", "event": "Application Installed", "properties": build}
    opened = {**build, "from_background": False}
    yield {"type": "track", "event": "Application Opened", "properties": opened}
    for name in screens:
        yield {"type": "screen", "name": name, "properties": {}}
    if email is not None:
        yield {"type": "identify", "traits": {"email": email}}


def _describe(source: Source, instance_id: str) -> Message:
    device = get_device(source)
    return {
        "app": _APP,
        "device": {**device.hardware, "id": str(uuid5(_phone(source), "device"))},
        "os": device.os,
        "screen": device.screen,
        "library": device.library,
        "network": {"bluetooth": False, "cellular": False, "wifi": True},
        "locale": "en-US",
        "timezone": "Europe/Berlin",
        "instanceId": instance_id,
    }


def _phone(source: Source) -> UUID:
    return uuid5(_NAMESPACE, source.id)
