"""`docs/webhooks.md`, the page for whoever writes a receiver: it must not lie."""

import re
import time
from pathlib import Path

import pytest

from webhooks.schedule import DELAYS
from webhooks.services.endpoints import EVENTS
from webhooks.signing import signature_headers
from webhooks.tests.factories import OLD_SECRET, SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
BODY = '{"event":"message.received","text":"grüße"}'.encode()


@pytest.fixture
def headers():
    return signature_headers(
        secrets=[SECRET, OLD_SECRET], webhook_id="evt_1", timestamp=int(time.time()), body=BODY
    )


def python_recipes() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_plain_python_recipe_tells_genuine_from_forged(headers):
    recipe: dict = {}
    exec(python_recipes()[0], recipe)
    is_genuine = recipe["is_genuine"]
    assert is_genuine(SECRET, headers, BODY)
    assert not is_genuine(OLD_SECRET, headers, BODY)
    assert not is_genuine(SECRET, headers, BODY + b" ")


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_python_recipe_with_the_library_takes_both_secrets_of_a_rotation(headers, secret):
    recipe: dict = {"secret": secret, "headers": headers, "body": BODY}
    exec(python_recipes()[1], recipe)
    assert recipe["payload"] == {"event": "message.received", "text": "grüße"}


def test_every_event_is_on_the_page():
    assert [name for name in EVENTS if f"`{name}`" not in PAGE] == []


def test_table_of_retries_is_the_schedule():
    (row,) = re.findall(r"\| after the one before \| at once \|(.*)\|\n", PAGE)
    seconds = {"s": 1, "min": 60, "h": 3600}
    told = [cell.split() for cell in row.split("|")]
    assert [int(number) * seconds[unit] for number, unit in told] == [
        delay.total_seconds() for delay in DELAYS[1:]
    ]
