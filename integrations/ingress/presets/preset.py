"""What a preset is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """How one product posts, as data.

    `to`, `text` and `ref` are paths (paths.py) that are tried in order. `source` is the page of the
    product's documentation (title, public URL) from which they are; `steps` tell a person how to
    make the product post.
    """

    slug: str
    title: str
    source: tuple[str, str]
    to: tuple[str, ...]
    text: tuple[str, ...]
    ref: tuple[str, ...]
    steps: tuple[str, ...]
