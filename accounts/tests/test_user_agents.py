"""What a person calls the browser that they use."""

import pytest

from accounts.user_agents import browser_name

KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{KHTML} Chrome/130.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36", "Chrome on Linux"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/130.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.6; rv:131.0) Gecko/20100101 Firefox/131.0",
            "Firefox on Mac",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {KHTML} Version/18.0 Safari/1",
            "Safari on iPhone",
        ),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9.1", "curl/8.9.1"),
        ("", "Unknown"),
    ],
)
def test_browser_and_system_are_named(user_agent, name):
    assert browser_name(user_agent) == name
