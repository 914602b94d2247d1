"""What programs may call as an OpenAPI document, made from the same tables of paths that the server answers by."""

from __future__ import annotations

from collections.abc import Mapping

from core.events.limits import Limits
from core.events.message import MAX_MESSAGE_ID_CHARS, MessageType
from core.http.openapi_profiles import (
    describe_profile_paths,
    describe_profile_responses,
    describe_profile_schemas,
)
from core.http.tracking import BATCH, CALLS, SWALLOWED

_Json = dict[str, object]
_TEXT: _Json = {"type": "string"}
_OBJECT: _Json = {"type": "object"}
_TIME: _Json = {"type": "string", "format": "date-time"}


def make_document(limits: Limits) -> _Json:
    """Return the document for a server with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Onramp tracking and Profile API",
            "version": "1",
            "description": "Where client libraries send events: the body is JSON whatever the Content-Type says, plain "
            "or packed by gzip, and a 200 means that every event is on the disk. Below /v1/spaces: where other "
            "programs read profiles.",
        },
        "security": [{"writeKeyAsUserName": []}, {"writeKeyAsToken": []}, {}],
        "paths": {
            **{path: _describe_path(path, call) for path, call in CALLS.items()},
            **describe_profile_paths(),
        },
        "components": {
            "securitySchemes": {
                "writeKeyAsUserName": {"type": "http", "scheme": "basic", "description": "The password is empty."},
                "writeKeyAsToken": {"type": "http", "scheme": "bearer"},
                "profileToken": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An access token of the space as user name; the password is empty.",
                },
            },
            "schemas": {
                **describe_profile_schemas(),
                "Event": _describe_event(),
                "Batch": _describe_batch(limits),
                "Success": {
                    "type": "object",
                    "required": ["success"],
                    "properties": {"success": {"const": True}},
                },
                "Error": {
                    "type": "object",
                    "required": ["success", "code", "message"],
                    "properties": {"success": {"const": False}, "code": _TEXT, "message": _TEXT},
                },
            },
            "responses": {**_RESPONSES, **describe_profile_responses()},
        },
    }


def _describe_path(path: str, call: str) -> _Json:
    summary = {BATCH: "Take many events", SWALLOWED: "Throw away a library's measurements of itself"}
    schema: _Json = _OBJECT if call == SWALLOWED else {"$ref": f"#/components/schemas/{_name_body(call)}"}
    return {
        "post": {
            "operationId": path.strip("/").replace("/", "_"),
            "summary": summary.get(call, f"Take one event; its type is {call} unless it names another"),
            "parameters": [{"name": "writeKey", "in": "query", "required": False, "schema": _TEXT}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {status: {"$ref": f"#/components/responses/{name}"} for status, name in _BY_STATUS.items()},
        }
    }


def _name_body(call: str) -> str:
    return "Batch" if call == BATCH else "Event"


def _describe_event() -> _Json:
    properties: Mapping[str, object] = {
        "type": {"enum": [str(type_) for type_ in MessageType]},
        "messageId": {"type": "string", "maxLength": MAX_MESSAGE_ID_CHARS},
        "userId": _TEXT,
        "anonymousId": _TEXT,
        "event": {"type": "string", "description": "Of a track call: what happened."},
        "name": {"type": "string", "description": "Of a page or screen call."},
        "category": _TEXT,
        "groupId": {"type": "string", "description": "Of a group call."},
        "previousId": {"type": "string", "description": "Of an alias call."},
        "properties": _OBJECT,
        "traits": _OBJECT,
        "context": _OBJECT,
        "integrations": _OBJECT,
        "timestamp": _TIME,
        "originalTimestamp": _TIME,
        "sentAt": _TIME,
        "writeKey": _TEXT,
    }
    return {
        "type": "object",
        "properties": properties,
        "description": "An event that breaks a rule is kept as refused, with its code; the request is answered by 200.",
    }


def _describe_batch(limits: Limits) -> _Json:
    return {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Event"},
                "description": f"Up to {limits.batch_events:,} events of at most {limits.event_bytes // 1024} KB.",
            },
            "sentAt": _TIME,
            "context": _OBJECT,
            "integrations": _OBJECT,
            "writeKey": _TEXT,
        },
    }


def _describe_answer(description: str, schema: str, *, has_retry_after: bool = False) -> _Json:
    answer: _Json = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    if has_retry_after:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return answer


_BY_STATUS = {
    "200": "Taken",
    "400": "Unreadable",
    "401": "UnknownKey",
    "408": "TooSlow",
    "429": "Overloaded",
    "503": "NotNow",
}
_RESPONSES = {
    "Taken": _describe_answer("Every event is on the disk, taken or kept as refused.", "Success"),
    "Unreadable": _describe_answer("The body is no JSON, damaged or too large.", "Error"),
    "UnknownKey": _describe_answer("No source has the write key.", "Error"),
    "TooSlow": _describe_answer("The body did not arrive within a minute.", "Error"),
    "Overloaded": _describe_answer("More arrives than the disk takes.", "Error", has_retry_after=True),
    "NotNow": _describe_answer("The disk is full, or the store cannot be read.", "Error", has_retry_after=True),
}
