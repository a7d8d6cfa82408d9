"""What posts inbound texts to URLs, named in INBOUND_POSTERS by the fixture `posted`."""

posted: list[dict] = []


def post(**told) -> str:
    """Keep what was to be posted."""
    posted.append(told)
    return f"evt_{len(posted)}"


def refuse(**told) -> str:
    """Break, as a poster with a bug would."""
    raise RuntimeError("no post")
