"""A payload as a tree in which each value knows the path that leads to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from integrations.ingress.paths import InvalidPath, look_up, parse_path

MOST_NODES = 500
_LONGEST_VALUE = 300
# What a dotted path may hold as it is; anything else is written as JSONPath.
_PLAIN = re.compile(r"[^.\[\]$'\"\\\x00-\x1f\x7f][^.\[\]'\"\\\x00-\x1f\x7f]*")

Steps = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """One value. `path` is empty where none leads, and where nothing usable is.

    `kind` is object, array, text, number or nothing; `shown` the value, or how many children.
    """

    name: str
    kind: str
    shown: str
    path: str = ""
    children: list[Node] = field(default_factory=list)
    is_cut: bool = False  # there are more children than are shown


def tree_of(payload: Any) -> Node:
    """`payload` (decoded JSON) as nodes, 500 at most."""
    return _Builder(payload).node("", payload, ())


def path_to(steps: Steps) -> str:
    """`customer.phone`, or `$['a.b'][0]` where a name has what dots cannot hold."""
    if all(isinstance(step, int) or _PLAIN.fullmatch(step) for step in steps):
        return ".".join(str(step) for step in steps)
    return "$" + "".join(f"[{_literal(step)}]" for step in steps)


class _Builder:
    def __init__(self, payload: Any) -> None:
        self._payload = payload
        self._made = 0

    def node(self, name: str, value: Any, steps: Steps) -> Node:
        self._made += 1
        if isinstance(value, dict | list):
            return self._with_children(name, value, steps)
        if isinstance(value, bool) or value is None:
            return Node(name, "nothing", json.dumps(value))
        text = value if isinstance(value, str) else json.dumps(value)
        shown = text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
        kind = "text" if isinstance(value, str) else "number"
        return Node(name, kind, shown, self._path(steps, value) if text.strip() else "")

    def _with_children(self, name: str, value: dict[str, Any] | list[Any], steps: Steps) -> Node:
        node = Node(name, "object" if isinstance(value, dict) else "array", str(len(value)))
        for step, child_name, child in _children(value):
            if self._made >= MOST_NODES:
                node.is_cut = True
                break
            node.children.append(self.node(child_name, child, (*steps, step)))
        return node

    def _path(self, steps: Steps, value: Any) -> str:
        """The path of `value`, if following it does lead there."""
        path = path_to(steps)
        try:
            found = look_up(self._payload, parse_path(path))
        except InvalidPath:
            return ""
        return path if type(found) is type(value) and found == value else ""


def _children(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str | int, str, Any]]:
    """(step, name, value) of each; pairs of key and value, as .NET writes them, by their key."""
    if isinstance(value, dict):
        yield from ((name, name, child) for name, child in value.items())
        return
    for index, child in enumerate(value):
        if isinstance(child, dict) and child.keys() == {"key", "value"} and _is_name(child["key"]):
            yield child["key"], child["key"], child["value"]
        else:
            yield index, str(index), child


def _is_name(key: object) -> bool:
    return isinstance(key, str) and key != "" and not key.isdigit()


def _literal(step: str | int) -> str:
    """A step of JSONPath (RFC 9535, 2.3.1): an index, or a name in single quotes."""
    if isinstance(step, int):
        return str(step)
    inside = json.dumps(step, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inside}'"
