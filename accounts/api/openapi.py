"""msgspec structs in the OpenAPI description (drf-spectacular)."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter

_REF = "#/components/schemas/{name}"


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes a struct given to `extend_schema` as msgspec itself would decode it."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        (_,), components = msgspec.json.schema_components([self.target], ref_template=_REF)
        for name, schema in components.items():
            if name != self.target.__name__:
                self._register(auto_schema, name, schema)
        return dict(components[self.target.__name__])

    @staticmethod
    def _register(auto_schema: AutoSchema, name: str, schema: dict[str, Any]) -> None:
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema
        )
        if component not in auto_schema.registry:
            auto_schema.registry.register(component)


def query_parameters(query: type[msgspec.Struct]) -> list[OpenApiParameter]:
    """The fields of `query` as query-string parameters."""
    (_,), components = msgspec.json.schema_components([query], ref_template=_REF)
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
