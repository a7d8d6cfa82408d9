"""msgspec structs in the OpenAPI description (drf-spectacular)."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

REF = "#/components/schemas/{name}"


# Structs that others refer to; the finishing hook adds them (gateway_site/openapi.py).
nested_schemas: dict[str, dict[str, Any]] = {}


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes a struct given to `extend_schema` as msgspec itself would decode it."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        _, components = msgspec.json.schema_components([self.target], ref_template=REF)
        nested_schemas.update(components)
        return dict(components[self.target.__name__])


def query_parameters(query: type[msgspec.Struct]) -> list[OpenApiParameter]:
    """The fields of `query` as query-string parameters."""
    _, components = msgspec.json.schema_components([query], ref_template=REF)
    properties = components[query.__name__]["properties"]
    return [
        OpenApiParameter(name, _without_null(schema), OpenApiParameter.QUERY)
        for name, schema in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is absent rather than null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if "anyOf" in schema:
        schema = kinds[0]
    schema = {key: value for key, value in schema.items() if value is not None}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
        schema["type"] = "string"
    return schema
