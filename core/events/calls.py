"""A message as the call that a person wrote, in the syntax of the source's own library.

An approximation: a library adds context, and what it leaves out cannot be known. Segment's libraries differ in what a
call may carry; what a library has no call for is written as a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from core.events.message import Message
from core.sources.definition import Language

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_INT_32 = 2**31
_MAX_PAIRS_OF_MAP = 10


class Call(NamedTuple):
    """Code, and the language that colours it."""

    code: str
    language: str


def write_call(message: Message, language: Language) -> Call | None:
    """Return `message` as a call in this language; None where its type is no call.

    Args:
        message: As received.
        language: That of the source's library.
    """
    if message.get("type") not in ("identify", "track", "page", "screen", "group", "alias"):
        return None
    write = _WRITERS.get(language)
    code = write(message) if write else None
    if code is None:
        return Call(_write_request(message), "bash")
    return Call(code, language.lower())


def _write_javascript(message: Message) -> str | None:
    type_ = message["type"]
    if type_ == "screen":
        return None
    given: dict[str, list[object]] = {
        "track": [message.get("event"), message.get("properties")],
        "identify": [message.get("userId"), message.get("traits")],
        "page": [message.get("category"), message.get("name"), message.get("properties")],
        "group": [message.get("groupId"), message.get("traits")],
        "alias": [message.get("userId"), message.get("previousId")],
    }
    arguments = [_javascript(value) for value in given[type_] if value not in (None, {})]
    return f"analytics.{type_}({', '.join(arguments)})"


def _write_swift(message: Message) -> str | None:
    labels = {
        "track": [("name", message.get("event")), ("properties", message.get("properties"))],
        "identify": [("userId", message.get("userId")), ("traits", message.get("traits"))],
        "screen": [
            ("title", message.get("name") or ""),
            ("category", message.get("category")),
            ("properties", message.get("properties")),
        ],
        "group": [("groupId", message.get("groupId")), ("traits", message.get("traits"))],
        "alias": [("newId", message.get("userId"))],
    }.get(message["type"])
    if labels is None:
        return None
    arguments = [f"{label}: {_swift(value)}" for label, value in labels if value not in (None, {})]
    return f"analytics.{message['type']}({', '.join(arguments)})"


def _write_kotlin(message: Message) -> str | None:
    given: list[object] | None = {
        "track": [message.get("event"), message.get("properties")],
        "identify": [message.get("userId"), message.get("traits")],
        "screen": [message.get("name") or "", message.get("properties")],
        "group": [message.get("groupId"), message.get("traits")],
        "alias": [message.get("userId")],
    }.get(message["type"])
    if given is None:
        return None
    arguments = [_kotlin_object(value) if isinstance(value, dict) else _kotlin(value) for value in given if value != {}]
    return f"analytics.{message['type']}({', '.join(each for each in arguments if each != 'null')})"


def _write_java(message: Message) -> str | None:
    type_ = message["type"]
    first = {
        "track": message.get("event"),
        "screen": message.get("name"),
        "group": message.get("groupId"),
        "alias": message.get("previousId"),
    }
    if type_ == "page":
        return None
    lines = [f"{type_.capitalize()}Message.builder({_java(first[type_]) if type_ in first else ''})"]
    lines += [f".{key}({_java(message[key])})" for key in ("userId", "anonymousId") if message.get(key)]
    lines += [f".{key}({_java(message[key], 2)})" for key in ("properties", "traits") if message.get(key)]
    return "analytics.enqueue(" + "\n    ".join(lines) + ");"


def _write_request(message: Message) -> str:
    kept = ("userId", "anonymousId", "previousId", "groupId", "event", "category", "name", "properties", "traits")
    body = {key: message[key] for key in kept if message.get(key) not in (None, {})}
    text = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return (
        f'curl "$ONRAMP/v1/{message["type"]}" -u "$WRITE_KEY:" \\\n'
        "  -H 'content-type: application/json' \\\n"
        f"  -d '{text}'"
    )


_WRITERS: Mapping[Language, Callable[[Message], str | None]] = {
    Language.JAVASCRIPT: _write_javascript,
    Language.SWIFT: _write_swift,
    Language.KOTLIN: _write_kotlin,
    Language.JAVA: _write_java,
}


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _javascript(value: object, depth: int = 0) -> str:
    if isinstance(value, dict):
        pairs = [
            f"{key if _PLAIN_KEY.fullmatch(key) else _text(key)}: {_javascript(item, depth + 1)}"
            for key, item in value.items()
        ]
        return _enclose("{", pairs, "}", depth)
    if isinstance(value, list):
        return _enclose("[", [_javascript(item, depth + 1) for item in value], "]", depth)
    return json.dumps(value, ensure_ascii=False)


def _swift(value: object, depth: int = 0) -> str:
    if isinstance(value, dict):
        pairs = [f"{_swift_text(key)}: {_swift(item, depth + 1)}" for key, item in value.items()]
        return _enclose("[", pairs, "]", depth) if pairs else "[:]"
    if isinstance(value, list):
        return _enclose("[", [_swift(item, depth + 1) for item in value], "]", depth)
    if isinstance(value, str):
        return _swift_text(value)
    return "NSNull()" if value is None else json.dumps(value)


def _swift_text(value: str) -> str:
    # Swift has no \b, \f and no \u0000 without braces
    text = re.sub(r"\\u([0-9a-f]{4})", r"\\u{\1}", _text(value))
    return text.replace("\\b", "\\u{8}").replace("\\f", "\\u{c}")


def _kotlin(value: object, depth: int = 0) -> str:
    if isinstance(value, dict):
        return _kotlin_object(value, depth)
    if isinstance(value, list):
        items = [f"add({_kotlin(item, depth + 1)})" for item in value]
        return _enclose("buildJsonArray {", items, "}", depth, between="")
    if isinstance(value, str):
        return _text(value).replace("$", "\\$").replace("\\f", "\\u000c")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INT_32:
        return f"{value}L"
    return "JsonNull" if value is None and depth else json.dumps(value)


def _kotlin_object(value: Mapping[str, object], depth: int = 0) -> str:
    pairs = [f"put({_kotlin(key)}, {_kotlin(item, depth + 1)})" for key, item in value.items()]
    return _enclose("buildJsonObject {", pairs, "}", depth, between="")


def _java(value: object, depth: int = 0) -> str:
    if isinstance(value, dict):
        return _java_map(value, depth)
    if isinstance(value, list):
        maker = "Arrays.asList(" if None in value else "List.of("  # List.of takes no null
        return _enclose(maker, [_java(item, depth + 1) for item in value], ")", depth)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INT_32:
        return f"{value}L"
    return json.dumps(value)


def _java_map(value: Mapping[str, object], depth: int) -> str:
    if None in value.values():  # Map.of takes none
        puts = [f"put({_text(key)}, {_java(item, depth + 1)});" for key, item in value.items()]
        return _enclose("new HashMap<String, Object>() {{", puts, "}}", depth, between="")
    if len(value) > _MAX_PAIRS_OF_MAP:
        entries = [f"Map.entry({_text(key)}, {_java(item, depth + 1)})" for key, item in value.items()]
        return _enclose("Map.ofEntries(", entries, ")", depth)
    pairs = [f"{_text(key)}, {_java(item, depth + 1)}" for key, item in value.items()]
    return _enclose("Map.of(", pairs, ")", depth)


def _enclose(opening: str, items: list[str], closing: str, depth: int, between: str = ",") -> str:
    if not items:
        return opening + closing
    inside = "  " * (depth + 1)
    return f"{opening}\n{inside}" + f"{between}\n{inside}".join(items) + f"\n{'  ' * depth}{closing}"
