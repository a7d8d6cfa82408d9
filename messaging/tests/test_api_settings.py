"""`/v1/settings` as clients see it, and how soon a change is in force."""

import pytest

from accounts.services.api_keys import SCOPES
from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.keywords import LANGUAGES
from messaging.models import KeywordSettings
from messaging.services.inbound import InboundText, receive_message
from messaging.tests.factories import change

pytestmark = pytest.mark.django_db

WORDS = [f"word{n}" for n in range(21)]


@pytest.fixture
def device():
    return DeviceFactory(tenant__name="Alice's shop")


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def headers(tenant):
    return bearer(tenant)


@pytest.fixture
def shown(client, headers):
    """A function that gets the settings."""
    return lambda: client.get("/v1/settings", headers=headers).json()


@pytest.fixture
def patch(client, headers, django_capture_on_commit_callbacks):
    """A function that sends a change, and commits it."""

    def send(body):
        with django_capture_on_commit_callbacks(execute=True):
            return client.patch("/v1/settings", body, "application/json", headers=headers)

    return send


def issues_of(answer) -> list[tuple[str, str]]:
    assert answer.status_code == 400
    return [(issue["path"], issue["code"]) for issue in answer.json()["issues"]]


def audit_of(tenant) -> list[tuple[str, dict]]:
    entries = tenant.audit_entries.exclude(action="api_key.created").order_by("pk")
    return [(entry.action, entry.detail) for entry in entries]


DEFAULTS = {
    "name": "Alice's shop",
    "defaultCountry": "SG",
    "timeZone": "UTC",
    "holdWhenOffline": False,
    "keepInbound": True,
    "mailAlerts": True,
    "keywords": {
        "languages": ["en"],
        "stopWords": [],
        "startWords": [],
        "helpWords": [],
        "stopText": "",
        "startText": "",
        "helpText": "",
    },
}
KEYWORDS = {
    "languages": ["de", "en"],
    "stopWords": ["genug", "no more"],
    "startWords": ["wieder"],
    "helpWords": ["was"],
    "stopText": "Schade.",
    "startText": "Willkommen bei {{tenantName}}.",
    "helpText": "x" * 480,
}


def test_settings_of_a_new_tenant_are_the_defaults(shown):
    assert shown() == DEFAULTS


def test_patch_changes_all_that_it_names(patch, shown):
    wanted = {
        "name": "Alice & Bob",
        "defaultCountry": "DE",
        "timeZone": "Europe/Berlin",
        "holdWhenOffline": True,
        "keepInbound": False,
        "mailAlerts": False,
        "keywords": KEYWORDS,
    }
    answer = patch(wanted)
    assert (answer.status_code, answer.json(), shown()) == (200, wanted, wanted)
    assert patch(DEFAULTS).json() == DEFAULTS


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ({}, {}),
        ({"name": "  Bob's  "}, {"name": "Bob's"}),
        ({"defaultCountry": "de"}, {"defaultCountry": "DE"}),
        ({"defaultCountry": ""}, {"defaultCountry": ""}),
        ({"holdWhenOffline": True}, {"holdWhenOffline": True}),
        ({"keepInbound": False, "name": None}, {"keepInbound": False}),
    ],
)
def test_patch_leaves_what_it_does_not_name(patch, change, becomes):
    assert patch(change).json() == DEFAULTS | becomes


def test_patch_of_keywords_leaves_the_others(patch):
    patch({"keywords": KEYWORDS})
    answer = patch({"keywords": {"stopWords": ["  basta "], "stopText": " Ciao. "}})
    assert answer.json()["keywords"] == KEYWORDS | {"stopWords": ["basta"], "stopText": "Ciao."}
    assert patch({"keywords": {}}).json() == answer.json()


@pytest.mark.parametrize(
    ("change", "issues"),
    [
        ({"name": ""}, [("name", "invalid_value")]),
        ({"name": "   "}, [("name", "invalid_value")]),
        ({"name": "x" * 101}, [("name", "invalid_value")]),
        ({"defaultCountry": "ZZ"}, [("defaultCountry", "invalid_value")]),
        ({"defaultCountry": "Singapore"}, [("defaultCountry", "invalid_value")]),
        ({"timeZone": "Mars/Olympus"}, [("timeZone", "invalid_value")]),
        ({"timeZone": "../etc/passwd"}, [("timeZone", "invalid_value")]),
        ({"timeZone": "Europe"}, [("timeZone", "invalid_value")]),
        ({"timeZone": ""}, [("timeZone", "invalid_value")]),
        ({"holdWhenOffline": "yes"}, [("holdWhenOffline", "invalid_type")]),
        (
            {"name": " ", "defaultCountry": "ZZ", "timeZone": "x"},
            [
                ("name", "invalid_value"),
                ("defaultCountry", "invalid_value"),
                ("timeZone", "invalid_value"),
            ],
        ),
    ],
)
def test_mistake_is_named_and_nothing_is_changed(patch, shown, tenant, change, issues):
    assert issues_of(patch({"keepInbound": False, "keywords": KEYWORDS} | change)) == issues
    assert (shown(), audit_of(tenant)) == (DEFAULTS, [])


@pytest.mark.parametrize(
    ("change", "issues"),
    [
        ({"languages": ["en", "tlh"]}, [("languages[1]", "unknown_language")]),
        ({"languages": ["EN"]}, [("languages[0]", "unknown_language")]),
        ({"languages": ["en"] * (len(LANGUAGES) + 1)}, [("languages", "invalid_value")]),
        ({"stopWords": ["basta", ""]}, [("stopWords[1]", "invalid_value")]),
        ({"stopWords": [" ! "]}, [("stopWords[0]", "invalid_value")]),
        ({"helpWords": ["x" * 41]}, [("helpWords[0]", "invalid_value")]),
        ({"startWords": WORDS}, [("startWords", "invalid_value")]),
        ({"startWords": ["basta"], "stopWords": ["Basta!"]}, [("startWords[0]", "conflict")]),
        ({"helpWords": ["wieder"], "startWords": ["WIEDER"]}, [("helpWords[0]", "conflict")]),
        ({"startWords": ["Stop"]}, [("startWords[0]", "conflict")]),
        ({"stopWords": ["info"]}, [("stopWords[0]", "conflict")]),
        ({"languages": ["it"], "helpWords": ["basta"]}, [("helpWords[0]", "conflict")]),
        ({"stopText": "x" * 481}, [("stopText", "invalid_value")]),
        (
            {"languages": ["tlh"], "stopWords": ["?"], "helpWords": ["Start"]},
            [
                ("languages[0]", "unknown_language"),
                ("stopWords[0]", "invalid_value"),
                ("helpWords[0]", "conflict"),
            ],
        ),
    ],
)
def test_mistake_in_the_keywords_is_named_and_nothing_is_changed(
    patch, shown, tenant, change, issues
):
    answer = patch({"name": "Bob's", "keywords": change})
    assert issues_of(answer) == [(f"keywords.{path}", code) for path, code in issues]
    assert (shown(), audit_of(tenant)) == (DEFAULTS, [])


def test_word_that_is_in_another_list_already_is_refused(patch):
    patch({"keywords": {"stopWords": ["basta"]}})
    answer = patch({"keywords": {"startWords": ["BASTA"]}})
    assert issues_of(answer) == [("keywords.startWords[0]", "conflict")]
    moved = patch({"keywords": {"startWords": ["BASTA"], "stopWords": []}})
    assert (moved.status_code, moved.json()["keywords"]["startWords"]) == (200, ["BASTA"])


def test_language_in_which_a_word_means_something_else_is_refused(patch):
    patch({"keywords": {"helpWords": ["basta"]}})
    answer = patch({"keywords": {"languages": ["en", "it"]}})
    assert issues_of(answer) == [("keywords.helpWords[0]", "conflict")]


def test_change_is_in_the_audit_log_and_what_is_none_is_not(patch, tenant):
    patch({"name": "Bob's", "keepInbound": True, "keywords": {"stopWords": ["basta"]}})
    patch({"name": "Bob's", "keywords": {"stopWords": ["basta"], "languages": []}})
    assert audit_of(tenant) == [
        ("tenant.settings_changed", {"name": ["Alice's shop", "Bob's"]}),
        ("tenant.keywords_changed", {"stop_words": [[], ["basta"]]}),
    ]


def test_settings_of_others_stay(patch):
    other = DeviceFactory().tenant
    KeywordSettings.objects.create(tenant=other, languages=["fr"])
    before = (type(other).objects.filter(pk=other.pk).values().get(), audit_of(other))
    patch({"name": "Bob's", "keepInbound": False, "keywords": KEYWORDS})
    after = (type(other).objects.filter(pk=other.pk).values().get(), audit_of(other))
    assert (after, other.keyword_settings.languages) == (before, ["fr"])


def test_next_send_follows_the_settings(client, headers, patch, device):
    def send(**body) -> tuple[int, str]:
        body = {"to": "+6581230000", "text": "Hello"} | body
        answer = client.post("/v1/messages", body, "application/json", headers=headers)
        return answer.status_code, answer.json().get("error", "")

    change(device, last_seen_at=None)
    assert send() == (503, "no_active_device_for_tenant")
    patch({"holdWhenOffline": True})
    assert send() == (202, "")
    assert send(to="030 901820") == (400, "validation_error")
    patch({"defaultCountry": "DE"})
    assert send(to="030 901820") == (202, "")


def test_next_inbound_text_follows_the_settings(patch, tenant, device):
    connected = Device.objects.select_related("tenant").get(pk=device.pk)  # as a socket holds it

    def receive(text: str):
        number = tenant.messages.count()
        inbound = InboundText(key=f"{number}", sender="+6581230000", text=text)
        return receive_message(device=connected, inbound=inbound)

    assert (receive("Hello").text, receive("basta").text) == ("Hello", "basta")
    patch({"keepInbound": False, "keywords": {"stopWords": ["basta"]}})
    assert receive("Hello").text == ""
    assert tenant.opt_outs.count() == 0
    receive("basta")
    assert tenant.opt_outs.count() == 1


@pytest.mark.parametrize(
    ("method", "needs"), [("get", "settings:read"), ("patch", "settings:write")]
)
def test_key_without_the_scope_is_refused(client, tenant, method, needs):
    headers = bearer(tenant, scopes=tuple(scope for scope in SCOPES if scope != needs))
    answer = getattr(client, method)("/v1/settings", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
