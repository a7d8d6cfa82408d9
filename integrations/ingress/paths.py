"""Where in a payload a value is: dotted paths, or the singular queries of JSONPath.

`customer.phone` and `items.0.phone` are ours; `$.items[0].phone` and `$['a b']` are RFC 9535's
singular queries, read by the `jsonpath` library. Filters, wildcards, slices and `..` are refused:
they may find many values, and a hostile one takes seconds (`$..*..*`). So a path is a short list of
steps, and following it costs the same however large the payload.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.segments import JSONPathChildSegment
from jsonpath.selectors import IndexSelector, NameSelector

Path = tuple[str | int, ...]

MAX_CHARACTERS = 200
MAX_STEPS = 20  # a payload may not be nested deeper
_MAX_PAIRS = 1000
_INDEX = re.compile(r"[0-9]{1,6}", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SINGULAR = (
    "Name one place, such as $.items[0].phone: filters, wildcards, slices and .. are not taken."
)

_jsonpath = JSONPathEnvironment(strict=True)


class InvalidPath(ValueError):
    """A path that cannot be followed; the text is a sentence that says why."""


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """The steps of `text`: names, and indexes of arrays; raises InvalidPath."""
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise InvalidPath(f"A path has 1 to {MAX_CHARACTERS} characters.")
    if _CONTROL.search(text):
        raise InvalidPath("A path has no control characters.")
    if text.startswith("$"):
        steps = _jsonpath_steps(text)
    elif "[" in text:  # `items[0].phone`, as many write it
        steps = _jsonpath_steps(f"${text}" if text.startswith("[") else f"$.{text}")
    else:
        steps = tuple(text.split("."))
    if "" in steps:
        raise InvalidPath("The path has an empty step; write it as customer.phone.")
    if len(steps) > MAX_STEPS:
        raise InvalidPath(f"A path has at most {MAX_STEPS} steps.")
    return steps


def look_up(payload: Any, path: Path) -> Any:
    """What is at `path` in `payload` (decoded JSON), or None.

    An array of `{"key", "value"}` pairs, which is how .NET writes a dictionary, is entered by the
    key's name as well as by index.
    """
    here = payload
    for step in path:
        if isinstance(here, dict):
            here = here.get(step) if isinstance(step, str) else None
        elif isinstance(here, list):
            here = _element(here, step)
        else:
            return None
    return here


def _element(array: list[Any], step: str | int) -> Any:
    if isinstance(step, str) and _INDEX.fullmatch(step):
        step = int(step)
    if isinstance(step, int):
        return array[step] if -len(array) <= step < len(array) else None
    for item in islice(array, _MAX_PAIRS):
        if isinstance(item, dict) and item.get("key") == step:
            return item.get("value")
    return None


def _jsonpath_steps(text: str) -> Path:
    try:
        query = _jsonpath.compile(text)
    except JSONPathError as error:
        reason = str(error).partition("\n")[0]
        raise InvalidPath(f"This is no JSONPath: {reason}.") from error
    except ValueError as error:  # what the library makes of `$[1e9]`
        raise InvalidPath("This is no JSONPath: an index is a whole number.") from error
    if not isinstance(query, JSONPath):
        raise InvalidPath(_SINGULAR)
    steps: list[str | int] = []
    for segment in query.segments:
        if not isinstance(segment, JSONPathChildSegment) or len(segment.selectors) != 1:
            raise InvalidPath(_SINGULAR)
        selector = segment.selectors[0]
        if isinstance(selector, NameSelector):
            steps.append(selector.name)
        elif isinstance(selector, IndexSelector):
            steps.append(selector.index)
        else:
            raise InvalidPath(_SINGULAR)
    if not steps:
        raise InvalidPath("$ alone is the whole payload; name a place in it, as in $.phone.")
    return tuple(steps)
