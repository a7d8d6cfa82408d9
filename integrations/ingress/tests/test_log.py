"""The log of payloads, and the dry run."""

import pytest

from accounts.ids import encode_id, new_id
from accounts.secrets import encrypt
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory
from messaging.models import Message

TEXT = {"to": "8123 0000", "text": "Hello", "ref": "4821"}


@pytest.fixture
def log(call, ingress):
    """A function that gives the log's rows, newest first."""
    return lambda: call("GET", f"/v1/ingress/{ingress.external_id}/payloads").json()["data"]


@pytest.fixture
def rehearse(call, ingress):
    """A function that asks for a dry run."""
    return lambda body: call("POST", f"/v1/ingress/{ingress.external_id}/dry-run", body)


def test_payload_that_was_sent_is_logged_with_its_message(post, log):
    answer = post(TEXT)
    (row,) = log()
    assert {name: row[name] for name in row if name not in ("id", "receivedAt")} == {
        "contentType": "application/json",
        "body": '{"to": "8123 0000", "text": "Hello", "ref": "4821"}',
        "isCut": False,
        "status": 202,
        "error": None,
        "errorMessage": None,
        "messageId": answer.json()["id"],
        "extracted": {
            "to": "8123 0000",
            "text": "Hello",
            "ref": "4821",
            "found": {"to": ["to"], "text": ["text"], "ref": ["ref"]},
        },
    }


def test_refused_payload_is_logged_with_the_reason(post, log):
    post({"to": "+6581230000", "body": "Hello"})
    (row,) = log()
    assert (row["status"], row["error"], row["errorMessage"], row["messageId"]) == (
        400,
        "missing_fields",
        "There is no value at text.",
        None,
    )
    assert row["extracted"] == {
        "to": "+6581230000",
        "found": {"to": ["to"], "text": [], "ref": []},
    }


@pytest.mark.parametrize(
    ("body", "content_type", "logged"),
    [
        (b"<a/>", "text/xml", (415, "unsupported_media_type", "<a/>")),
        (b"{", "application/json", (400, "validation_error", "{")),
        (b"a\x00\xff", "application/json", (400, "validation_error", "a\ufffd\ufffd")),
        (b"", "", (415, "unsupported_media_type", "")),
    ],
)
def test_unreadable_payload_is_logged_as_far_as_it_can_be_shown(
    post, log, body, content_type, logged
):
    post(body, content_type)
    (row,) = log()
    assert (row["status"], row["error"], row["body"], row["extracted"]) == (*logged, {})


def test_long_body_is_logged_in_part(post, log):
    post(TEXT | {"more": "x" * 20_000})
    (row,) = log()
    assert (row["status"], row["isCut"], len(row["body"])) == (202, True, 16_000)


def test_signature_is_not_logged(post, ingress):
    Ingress.objects.update(signing_secret=encrypt("hush"))
    post(TEXT, **{"X-Webhook-Signature": "sha256=deadbeef"})
    (row,) = IngressPayload.objects.values()
    assert row["status"] == 401
    assert [value for value in map(str, row.values()) if "deadbeef" in value] == []


def test_log_has_the_last_fifty(post, log, ingress):
    other = IngressPayloadFactory()
    for number in range(55):
        post({"number": number})
    assert [row["body"] for row in log()] == [
        f'{{"number": {number}}}' for number in range(54, 4, -1)
    ]
    assert IngressPayload.objects.filter(ingress=ingress).count() == 50
    assert IngressPayload.objects.filter(pk=other.pk).count() == 1


def test_forgeries_cannot_push_out_the_rest(post, log, ingress):
    for number in range(50):
        post({"number": number})
    Ingress.objects.update(signing_secret=encrypt("hush"))
    for _ in range(30):
        post({"number": "forged"})
    post(b"x" * 1_000_001)
    assert [row["status"] for row in log()] == [413] + [401] * 9 + [400] * 40


def test_what_is_over_a_limit_is_not_logged(post, log, ingress):
    Ingress.objects.update(requests_per_minute=1)
    assert [post(TEXT).status_code for _ in range(3)] == [202, 429, 429]
    assert [row["status"] for row in log()] == [202]


def test_dry_run_says_what_would_be_sent_and_sends_nothing(rehearse):
    answer = rehearse({"payload": TEXT | {"text": "x" * 161}})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "wouldSend": True,
            "to": "+6581230000",
            "text": "x" * 161,
            "ref": "4821",
            "found": {"to": ["to"], "text": ["text"], "ref": ["ref"]},
            "tried": {"to": ["to"], "text": ["text"]},
            "encoding": "gsm7",
            "segments": 2,
            "error": None,
            "issues": [],
        },
    )
    assert (Message.objects.count(), IngressPayload.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("payload", "error", "issues"),
    [
        (None, "missing_fields", [("to", "missing_field"), ("text", "missing_field")]),
        ([1], "missing_fields", [("to", "missing_field"), ("text", "missing_field")]),
        ({"to": "1", "text": "x"}, "validation_error", [("to", "invalid_phone_number")]),
        (TEXT | {"text": "x" * 1601}, "validation_error", [("text", "invalid_length")]),
    ],
)
def test_dry_run_says_why_nothing_would_be_sent(rehearse, payload, error, issues):
    answer = rehearse({"payload": payload})
    told = answer.json()
    assert (answer.status_code, told["wouldSend"], told["segments"]) == (200, False, 0)
    assert told["error"] == error
    assert [(issue["path"], issue["code"]) for issue in told["issues"]] == issues


def test_dry_run_of_a_logged_payload_shows_what_a_new_path_finds(post, log, rehearse, ingress):
    post(b"to=81230000&message=Hello+there", "application/x-www-form-urlencoded")
    (row,) = log()
    Ingress.objects.update(text_path="message")
    told = rehearse({"payloadId": row["id"]}).json()
    assert (row["error"], told["wouldSend"], told["text"]) == (
        "missing_fields",
        True,
        "Hello there",
    )


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"is_cut": True}, "cut"),
        ({"body": "{"}, "unreadable"),
        ({"content_type": "text/xml"}, "unreadable"),
    ],
)
def test_dry_run_of_what_cannot_be_read_again_says_so(rehearse, ingress, columns, code):
    payload = IngressPayloadFactory(ingress=ingress, **columns)
    answer = rehearse({"payloadId": payload.external_id})
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, "payloadId", code)


def test_dry_run_of_a_payload_of_another_ingress_is_not_found(rehearse, ingress):
    siblings = IngressPayloadFactory(ingress=IngressFactory(tenant=ingress.tenant))
    ids = [siblings.external_id, IngressPayloadFactory().external_id]
    ids += [encode_id("pay_", new_id()), "pay_x", "", ingress.external_id]
    assert [rehearse({"payloadId": given}).status_code for given in ids] == [404] * 6


@pytest.mark.parametrize("body", [{}, {"payload": {}, "payloadId": "pay_x"}])
def test_dry_run_needs_one_payload(rehearse, body):
    assert rehearse(body).json()["issues"][0]["code"] == "conflict"


def test_dry_run_of_a_payload_that_is_too_deep_is_refused(rehearse):
    deep: list = []
    for _ in range(21):
        deep = [deep]
    (issue,) = rehearse({"payload": deep}).json()["issues"]
    assert (issue["path"], issue["code"]) == ("payload", "too_deep")
