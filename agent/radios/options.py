"""A radio's options: the fields of a frozen dataclass, on the command line and in the environment.

A field `delay_ms: float = option(200.0, "…")` becomes `--delay-ms` and AGENT_DELAY_MS; a bool
becomes `--name` and `--no-name`. The default's type is the option's type.
"""

import argparse
import os
from dataclasses import field, fields
from typing import Any


def option(default: bool | float | int | str, text: str) -> Any:
    """A dataclass field with a line of help."""
    return field(default=default, metadata={"help": text})


def add_options(parser: argparse.ArgumentParser, kind: type[Any]) -> None:
    """Add the fields of the dataclass `kind` to the parser."""
    for item in fields(kind):
        flag = "--" + item.name.replace("_", "-")
        value = os.environ.get(f"AGENT_{item.name.upper()}", item.default)
        text = f"{item.metadata['help']} [{value}]"
        if isinstance(item.default, bool):
            is_on = str(value).lower() in ("1", "true", "yes", "on")
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=is_on, help=text)
        else:
            parser.add_argument(flag, type=type(item.default), default=value, help=text)


def chosen_options(kind: type[Any], parsed: argparse.Namespace) -> Any:
    """The dataclass `kind` filled from what the parser with `add_options` found."""
    return kind(**{item.name: getattr(parsed, item.name) for item in fields(kind)})
