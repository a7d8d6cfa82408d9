"""The API reference as people read it, made from the OpenAPI description.

Every process makes it once, when somebody first asks; the description does not change as it runs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from drf_spectacular.settings import spectacular_settings

Schema = dict[str, Any]

# What most readers come for goes first; what is not named follows, by the alphabet.
ORDER = ("messages", "devices", "contacts", "groups", "opt-outs", "rules", "webhooks", "ingress")
DEEPEST = 4  # of fields in fields
ACCESS = {"apiKey": "API key", "deviceToken": "the phone’s own token"}


@dataclass(frozen=True)
class Field:
    """One line of a table of fields; `depth` is in how many others it is."""

    name: str
    kind: str
    about: str
    limits: str
    choices: tuple[str, ...]
    is_required: bool
    depth: int = 0


@dataclass(frozen=True)
class Answer:
    """What comes back when it worked."""

    status: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path. `access` is empty if nobody is asked who they are."""

    id: str
    method: str
    path: str
    about: str
    access: str
    parameters: tuple[Field, ...]
    body_about: str
    body: tuple[Field, ...]
    answers: tuple[Answer, ...]
    example: str

    @property
    def title(self) -> str:
        """Its id, in words: "sendMessage" is "Send message"."""
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.id)
        return words.capitalize()


@dataclass(frozen=True)
class Section:
    """The operations on one noun."""

    name: str
    operations: tuple[Operation, ...]

    @property
    def title(self) -> str:
        return self.name.capitalize()


@cache
def sections() -> tuple[Section, ...]:
    """All operations of the native API."""
    generator = spectacular_settings.DEFAULT_GENERATOR_CLASS()
    return read_sections(generator.get_schema(request=None, public=True))


def read_sections(described: Schema) -> tuple[Section, ...]:
    """The sections of an OpenAPI 3.1 description, as a dict."""
    read = _Reader(described["components"]["schemas"])
    found = defaultdict(list)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(read.operation(path, method, operation))
    rank = {name: place for place, name in enumerate(ORDER)}
    names = sorted(found, key=lambda name: (rank.get(name, len(rank)), name))
    return tuple(Section(name, tuple(found[name])) for name in names)


class _Reader:
    """Follows the references of one description."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas

    def operation(self, path: str, method: str, described: Schema) -> Operation:
        body = _json(described.get("requestBody", {}))
        access = [ACCESS[name] for ways in described["security"] for name in ways]
        return Operation(
            id=described["operationId"],
            method=method.upper(),
            path=path,
            about=described.get("description", ""),
            access=" or ".join(access),
            parameters=tuple(map(self._parameter, described.get("parameters", ()))),
            body_about=self._plain(body).get("description", ""),
            body=tuple(self._fields(body)),
            answers=tuple(
                Answer(_status(code), tuple(self._fields(_json(answer))))
                for code, answer in described["responses"].items()
                if code != "default"
            ),
            example=json.dumps(self._example(body), ensure_ascii=False) if body else "",
        )

    def _parameter(self, described: Schema) -> Field:
        where = "" if described["in"] == "query" else f", in the {described['in']}"
        is_required = described.get("required", False)
        schema = {"description": described.get("description", "")} | described["schema"]
        field = self._field(described["name"], schema, is_required, 0)
        return Field(**(vars(field) | {"kind": field.kind + where}))

    def _fields(self, schema: Schema, depth: int = 0) -> Iterator[Field]:
        """The fields of an object, each followed by its own."""
        described = self._inside(schema)
        for name, field in described.get("properties", {}).items():
            yield self._field(name, field, name in described.get("required", ()), depth)
            if depth + 1 < DEEPEST:
                yield from self._fields(field, depth + 1)

    def _field(self, name: str, schema: Schema, is_required: bool, depth: int) -> Field:
        plain = self._plain(schema)
        listed = self._plain(plain.get("items", {}))
        return Field(
            name=name,
            kind=self._kind(schema),
            about=schema.get("description") or plain.get("description", ""),
            limits=_limits(plain, schema.get("default")),
            choices=tuple(str(value) for value in plain.get("enum") or listed.get("enum") or ()),
            is_required=is_required,
            depth=depth,
        )

    def _kind(self, schema: Schema) -> str:
        """In the words of JSON: "string", "array of objects", "integer or null"."""
        kinds = []
        for one in schema.get("anyOf", [schema]):
            found = self._follow(one)
            kind = found.get("type", "string" if "enum" in found else "any value")
            if kind == "array":
                kind = f"array of {self._kind(found.get('items', {}))}s"
            elif found.get("format") == "date-time":
                kind = "time"
            kinds.append(kind)
        return " or ".join(kinds)

    def _inside(self, schema: Schema) -> Schema:
        """The object that it is, or that is in the array."""
        plain = self._plain(schema)
        return self._plain(plain["items"]) if "items" in plain else plain

    def _plain(self, schema: Schema) -> Schema:
        """Without reference, and without null."""
        kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
        return self._follow(kinds[0])

    def _follow(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _example(self, schema: Schema) -> Any:
        """A value that fits; of an object what it must have, or else the first of its fields."""
        plain = self._plain(schema)
        if found := schema.get("examples") or plain.get("examples") or plain.get("enum"):
            return found[0]
        match plain.get("type"):
            case "object":
                properties = plain.get("properties", {})
                names = plain.get("required") or list(properties)[:1]
                return {name: self._example(properties[name]) for name in names}
            case "array":
                return [self._example(plain["items"])]
            case "integer" | "number":
                return plain.get("minimum", 1)
            case "boolean":
                return True
        return "…"


def _json(described: Schema) -> Schema:
    """The schema of a body in JSON."""
    schema: Schema = described.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _status(code: str) -> str:
    return f"{code} {HTTPStatus(int(code)).phrase}"


def _limits(schema: Schema, default: object) -> str:
    """In words: "1 to 100 characters", "1 to 200, by default 50"."""
    words = [
        _span(schema.get("minLength"), schema.get("maxLength"), " characters"),
        _span(schema.get("minimum"), schema.get("maximum"), ""),
        _span(schema.get("minItems"), schema.get("maxItems"), " entries"),
    ]
    default = default if default is not None else schema.get("default")
    if default not in (None, "", [], {}):
        words.append(f"by default {default if isinstance(default, str) else json.dumps(default)}")
    return ", ".join(filter(None, words))


def _span(least: int | None, most: int | None, unit: str) -> str:
    if most is None:
        return "" if least is None else f"at least {least:,}{unit}"
    return f"at most {most:,}{unit}" if not least else f"{least:,} to {most:,}{unit}"
