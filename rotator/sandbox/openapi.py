"""What the API is, as OpenAPI 3.1: the documented contract, as it is with the default switches.

Objects are closed (`additionalProperties: false`) where the provider shows them whole, so that a field that
slips in is seen. Ids are integers here, as in the provider's page.
"""

from __future__ import annotations

from collections.abc import Mapping

from rotator.sandbox.switches import PAGE_LIMIT

Json = dict[str, object]


def describe(base_url: str) -> Json:
    """The description of the API that stands at this base URL."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sandbox of the VPS.org snapshots API",
            "version": "1",
            "description": "The documented contract, embedded in rotator. Open questions are switches.",
        },
        "servers": [{"url": base_url}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _paths() -> Json:
    return {
        "/snapshots/": {
            "get": _call(
                "listSnapshots",
                {"200": "SnapshotList", "401": "Detail"},
                parameters=[_query("server_id", {"type": "integer"})],
            ),
            "post": _call(
                "createSnapshot",
                {
                    "201": "CreatedSnapshot",
                    "400": "Problem",
                    "401": "Detail",
                    "404": "Detail",
                    "415": "Detail",
                },
                requestBody={
                    "required": True,
                    "content": {"application/json": {"schema": _ref("NewSnapshot")}},
                },
            ),
        },
        "/snapshots/{snapshot_id}/": {
            "delete": _call(
                "deleteSnapshot", {"204": None, "401": "Detail", "404": "Detail"}, parameters=[_SNAPSHOT_ID]
            ),
        },
        "/snapshots/{snapshot_id}/restore/": {
            "post": _call(
                "restoreSnapshot",
                {"200": "Restore", "400": "Detail", "401": "Detail", "404": "Detail"},
                parameters=[_SNAPSHOT_ID],
            ),
        },
        "/servers/": {
            "get": _call(
                "listServers",
                {"200": "ServerPage", "401": "Detail", "403": "Detail", "404": "Detail"},
                parameters=[
                    _query("page", {"type": "integer", "minimum": 1}),
                    _query("page_size", {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT}),
                    _query("status", {"type": "string"}),
                    _query("location", {"type": "string"}),
                ],
            ),
        },
        "/account/me/": {"get": _call("getAccount", {"200": "Account", "401": "Detail"})},
    }


def _call(name: str, answers: Mapping[str, str | None], **more: object) -> Json:
    """An operation; `answers` maps a status to the schema of its body, None for no body."""
    return {
        "operationId": name,
        **more,
        "responses": {status: _response(status, schema) for status, schema in answers.items()},
    }


def _response(status: str, schema: str | None) -> Json:
    response: Json = {"description": _MEANINGS[status]}
    if schema is not None:
        response["content"] = {"application/json": {"schema": _ref(schema)}}
    return response


_MEANINGS = {
    "200": "Done, or begun",
    "201": "Begun: the snapshot is in progress",
    "204": "Deleted",
    "400": "Invalid parameters, snapshot limit reached, or a server in no state for this",
    "401": "The token is missing or wrong",
    "403": "The token may not do this",
    "404": "Does not exist",
    "415": "The body is not JSON",
}


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema}


_SNAPSHOT_ID: Json = {"name": "snapshot_id", "in": "path", "required": True, "schema": {"type": "integer"}}

_TEXT: Json = {"type": "string"}
_INTEGER: Json = {"type": "integer"}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_LINK: Json = {"type": ["string", "null"], "format": "uri"}


def _object(required: Mapping[str, object], **more: object) -> Json:
    """A closed object: all of these fields and no other."""
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def _schemas() -> Json:
    snapshot: Json = {
        "id": _INTEGER,
        "server": {"oneOf": [_object({"id": _INTEGER, "name": _TEXT}), {"type": "null"}]},
        "name": _TEXT,
        "status": _TEXT,
        "size_mb": {"type": ["number", "null"]},
        "created_at": _INSTANT,
        "description": _TEXT,
    }
    page: Json = {"count": _INTEGER, "next": _LINK, "previous": _LINK}
    return {
        "Snapshot": _object(snapshot),
        "SnapshotList": _object({"count": _INTEGER, "results": {"type": "array", "items": _ref("Snapshot")}}),
        "CreatedSnapshot": _object({**snapshot, "message": _TEXT}),
        "NewSnapshot": {
            "type": "object",
            "properties": {
                "server_id": _INTEGER,
                "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "minLength": 1, "maxLength": 64},
                "description": _TEXT,
            },
            "required": ["server_id", "name"],
        },
        "Restore": _object(
            {
                "status": {"const": "success"},
                "message": _TEXT,
                "snapshot": _object({"id": _INTEGER, "name": _TEXT, "created_at": _INSTANT}),
                "server": _object({"id": _INTEGER, "name": _TEXT, "status": {"const": "restoring"}}),
            }
        ),
        "Server": {
            "type": "object",
            "properties": {"id": _INTEGER, "name": _TEXT, "hostname": _TEXT, "status": _TEXT},
            "required": ["id", "name", "hostname", "status", "created_at"],
        },
        "ServerPage": _object({**page, "results": {"type": "array", "items": _ref("Server")}}),
        "Account": _object(
            {
                "account": {"type": "object", "required": ["email"], "properties": {"email": _TEXT}},
                "token": _object({"name": _TEXT, "permissions": {"type": "array", "items": _TEXT}}),
            }
        ),
        "Detail": _object({"detail": _TEXT}),
        "Problem": {
            "description": "Either a detail, or what is wrong with each field.",
            "oneOf": [
                _object({"detail": _TEXT}),
                {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": _TEXT},
                    "minProperties": 1,
                    "not": {"required": ["detail"]},
                },
            ],
        },
    }
