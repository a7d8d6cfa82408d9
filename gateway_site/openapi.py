"""The finishing touches to the OpenAPI description."""

from inspect import cleandoc
from typing import Any

import msgspec

from accounts.api.errors import ErrorOut
from accounts.api.openapi import REF, nested_schemas

# Operations that do without an API key.
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "pairDevice": [],
    "postToIngress": [],
    "sendFrames": [{"deviceToken": []}],
    "waitForFrames": [{"deviceToken": []}],
}


def add_error_answers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer with the error envelope; say so once for all."""
    components = msgspec.json.schema_components([ErrorOut], ref_template=REF)[1]
    schemas = result["components"].setdefault("schemas", {})
    schemas = dict(sorted((schemas | nested_schemas | components).items()))
    for schema in schemas.values():
        if "description" in schema:  # a docstring, with the indentation of its class
            schema["description"] = cleandoc(schema["description"])
    result["components"]["schemas"] = schemas
    result["components"]["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "sk_live_…"},
        "deviceToken": {"type": "http", "scheme": "bearer", "description": "dt_…"},
    }
    answer = {
        "description": "An error; see `error`.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}},
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = answer
            operation["security"] = SECURITY.get(operation["operationId"], [{"apiKey": []}])
    return result
