"""What a person calls the browser that they use."""

from __future__ import annotations

# In this order: most browsers name those that they descend from as well, and Android names Linux.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
SHOWN = 60  # characters of what is none of them


def browser_name(user_agent: str) -> str:
    """Browser and system of a `User-Agent` header (RFC 9110, 10.1.5), such as "Chrome on Mac".

    What is not known is shown as it came, cut off.
    """
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        return user_agent[:SHOWN] or "Unknown"
    return f"{browser} on {system}" if system else browser
