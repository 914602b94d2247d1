"""The Profile API's part of the OpenAPI document, made from the same table of parts that requests are read by."""

from __future__ import annotations

from core.http.profile_api import LINKS
from core.http.profile_delete import DELETION, DONE
from core.http.profile_question import ACCOUNTS, CLASSES, DEFAULT_LIMIT, MAX_LIMIT, MAX_LIMITS, PARTS, USERS
from core.workspaces.view_links import DEFAULT_MINUTES, MAX_MINUTES, MAX_WHO_CHARS

_Json = dict[str, object]
_TEXT: _Json = {"type": "string"}
_TIME: _Json = {"type": "string", "format": "date-time"}
_FLAG: _Json = {"type": "boolean"}
_OBJECT: _Json = {"type": "object"}
_REFUSALS: _Json = {
    status: {"$ref": f"#/components/responses/Profile{name}"}
    for status, name in (
        ("400", "Invalid"),
        ("401", "Unauthorised"),
        ("404", "Unknown"),
        ("429", "TooMany"),
        ("500", "Broken"),
        ("503", "NotNow"),
    )
}
_TOO_SLOW: _Json = {"408": {"$ref": "#/components/responses/ProfileTooSlow"}}
_SPACE: _Json = {"name": "space_id", "in": "path", "required": True, "schema": _TEXT}
_EXAMPLES = {USERS: "user_id:1001", ACCOUNTS: "group_id:acme"}
_MAYBE_TEXT: _Json = {"type": ["string", "null"]}


def describe_profile_paths() -> _Json:
    """Return the paths of the Profile API."""
    paths: _Json = {
        f"/v1/spaces/{{space_id}}/collections/{collection}/profiles/{{identifier}}/{part}": _describe(collection, part)
        for collection, parts in PARTS.items()
        for part in parts
    }
    deletion = f"/v1/spaces/{{space_id}}/collections/{USERS}/profiles/{{identifier}}{DELETION}"
    return {**paths, deletion: _describe_deletion(), f"/v1/spaces/{{space_id}}{LINKS}": _describe_links()}


def describe_profile_schemas() -> _Json:
    """Return the schemas that the paths refer to."""
    cursor = _object(url=_TEXT, has_more=_FLAG, next=_TEXT, limit={"type": "integer"})
    external_id = _object(collection={"enum": [USERS, ACCOUNTS]}, type=_TEXT, id=_TEXT, encoding={"const": "none"})
    known_id: _Json = {"allOf": [external_id, _object(source_id=_TEXT, created_at=_TIME)]}
    event = _object(
        type={"const": "track"},
        event=_MAYBE_TEXT,
        properties=_OBJECT,
        context=_OBJECT,
        external_ids=_list(external_id),
        timestamp=_TIME,
        message_id=_TEXT,
        source_id=_TEXT,
    )
    metadata = _object(
        segment_id=_TEXT,
        created_at=_TIME,
        updated_at=_TIME,
        expires_at={"type": ["string", "null"]},
        first_message_id=_MAYBE_TEXT,
        first_source_id=_MAYBE_TEXT,
        last_message_id=_MAYBE_TEXT,
        last_source_id=_MAYBE_TEXT,
    )
    link = _object(to_collection={"enum": [USERS, ACCOUNTS]}, external_ids=_list(external_id))
    return {
        "ProfileCursor": cursor,
        "ProfileTraits": _object(traits=_OBJECT, cursor=_ref("ProfileCursor")),
        "ProfileExternalIds": _object(data=_list(known_id), cursor=_ref("ProfileCursor")),
        "ProfileEvents": _object(data=_list(event), cursor=_ref("ProfileCursor")),
        "ProfileMetadata": _object(metadata=metadata),
        "ProfileLinks": _object(data=_list(link), cursor=_ref("ProfileCursor")),
        "ProfileError": _object(error=_object(code=_TEXT, message=_TEXT)),
    }


def describe_profile_responses() -> _Json:
    """Return the answers that every path of the Profile API shares."""
    return {
        "ProfileInvalid": _describe_error("The identifier or a parameter cannot be used."),
        "ProfileUnauthorised": _describe_error("The access token is missing, not known or revoked."),
        "ProfileForbidden": _describe_error("The token may not delete identifiers."),
        "ProfileUnknown": _describe_error("No profile of the space has this identifier."),
        "ProfileTooSlow": _describe_error("The body did not arrive in time."),
        "ProfileTooMany": _describe_error("The space's requests a second are used up.", has_retry_after=True),
        "ProfileBroken": _describe_error("A bug of Onramp's, logged under the request's id.", has_retry_after=True),
        "ProfileNotNow": _describe_error("The store cannot be read now.", has_retry_after=True),
    }


def _describe_address(collection: str) -> list[_Json]:
    identifier: _Json = {"name": "identifier", "in": "path", "required": True, "schema": _TEXT}
    return [
        _SPACE,
        {**identifier, "example": _EXAMPLES[collection], "description": "type:value; a plus is written %2B."},
    ]


def _describe(collection: str, part: str) -> _Json:
    schema = f"Profile{''.join(word.capitalize() for word in part.split('_'))}"
    return {
        "get": {
            "operationId": f"read_{collection}_{part}",
            "summary": f"Read the {part.replace('_', ' ')} of {'a person' if collection == USERS else 'an account'}",
            "security": [{"profileToken": []}],
            "parameters": [*_describe_address(collection), *_describe_parameters(part)],
            "responses": _describe_answers("200", "What was asked for.", _ref(schema)),
        }
    }


def _describe_links() -> _Json:
    body = _object(who=_TEXT)
    body["properties"] = {
        "who": {"type": "string", "minLength": 1, "maxLength": MAX_WHO_CHARS},
        "minutes": {"type": "integer", "minimum": 1, "maximum": MAX_MINUTES, "default": DEFAULT_MINUTES},
    }
    schema = _object(url=_TEXT, json_url=_TEXT, expires_at=_TIME)
    return {
        "post": {
            "operationId": "make_flex_link",
            "summary": "Make a link to the Flex view, for the browser of an agent",
            "security": [{"profileToken": []}],
            "parameters": [_SPACE],
            "requestBody": _describe_body(body, {"who": _EXAMPLES[USERS]}),
            "responses": _describe_answers("201", "The link.", schema) | _TOO_SLOW,
        }
    }


def _describe_deletion() -> _Json:
    named = _object(type=_TEXT, id=_TEXT)
    body = _object(delete_external_ids={**_list(named), "minItems": 1, "maxItems": 1})
    success: _Json = {"const": DONE["code"]}
    schema = _object(code=success, message=_TEXT)
    answers = _describe_answers("200", "The identifier was deleted.", schema)
    answers["403"] = {"$ref": "#/components/responses/ProfileForbidden"}
    return {
        "post": {
            "operationId": "delete_users_external_id",
            "summary": "Delete an identifier from a person, who is named by user_id:value",
            "security": [{"profileToken": []}],
            "parameters": _describe_address(USERS),
            "requestBody": _describe_body(body, {"delete_external_ids": [{"type": "email", "id": "ada@example.org"}]}),
            "responses": answers | _TOO_SLOW,
        }
    }


def _describe_body(schema: _Json, example: _Json) -> _Json:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _describe_parameters(part: str) -> list[_Json]:
    most = MAX_LIMITS.get(part, MAX_LIMIT)
    limit: _Json = {"type": "integer", "minimum": 1, "maximum": most, "default": DEFAULT_LIMIT}
    paging: dict[str, _Json] = {"limit": limit, "next": _TEXT}
    names: _Json = {"type": "string", "description": "Names, separated by commas."}
    by_part: dict[str, dict[str, _Json]] = {
        "traits": {**paging, "class": {"enum": list(CLASSES)}, "include": names, "verbose": _FLAG},
        "external_ids": {**paging, "include": names, "verbose": _FLAG},
        "events": {
            **paging,
            "include": names,
            "exclude": names,
            "start": _TIME,
            "end": _TIME,
            "sort": {"enum": ["asc", "desc"], "default": "desc"},
        },
        "metadata": {},
        "links": paging,
    }
    return [{"name": name, "in": "query", "schema": schema} for name, schema in by_part[part].items()]


def _describe_answers(status: str, description: str, schema: _Json) -> _Json:
    headers: _Json = {"Request-Id": {"schema": _TEXT}}
    content = {"application/json": {"schema": schema}}
    return {status: {"description": description, "headers": headers, "content": content}, **_REFUSALS}


def _describe_error(description: str, *, has_retry_after: bool = False) -> _Json:
    headers: _Json = {"Request-Id": {"schema": _TEXT}}
    if has_retry_after:
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds."}
    content = {"application/json": {"schema": _ref("ProfileError")}}
    return {"description": description, "headers": headers, "content": content}


def _object(**properties: _Json) -> _Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: _Json) -> _Json:
    return {"type": "array", "items": items}


def _ref(schema: str) -> _Json:
    return {"$ref": f"#/components/schemas/{schema}"}
