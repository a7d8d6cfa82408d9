"""`POST /v1/ingress/{ig_token}`: a business system's JSON becomes an SMS."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Tenant
from accounts.secrets import encrypt
from devices.models import Device
from integrations.ingress.models import Ingress
from messaging.models import Message

TEXT = {"to": "+6581230000", "text": "Order #4821 confirmed", "ref": "4821"}
NESTED = {
    "customer": {"phone": "+6581230000"},
    "notification": {"body": "Your invoice is ready"},
    "invoiceId": "INV-99",
}
PATHS = {"to_path": "customer.phone", "text_path": "notification.body", "ref_path": "invoiceId"}


def signature(body: bytes, secret: str = "hush") -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def error_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_plain_payload_of_the_seed(post):
    answer = post(TEXT)
    message = Message.objects.get()
    assert (answer.status_code, json.loads(answer.content)) == (
        202,
        {
            "id": message.external_id,
            "status": "queued",
            "to": "+6581230000",
            "text": "Order #4821 confirmed",
        },
    )
    assert list(answer.json()) == ["id", "status", "to", "text"]
    assert (message.ref, message.origin, message.status) == ("4821", "ingress", "queued")


def test_nested_payload_of_the_seed(post, ingress):
    Ingress.objects.update(**PATHS)
    answer = post(NESTED)
    message = Message.objects.get()
    assert (answer.status_code, answer.json()["text"]) == (202, "Your invoice is ready")
    assert (message.recipient, message.text, message.ref) == (
        "+6581230000",
        "Your invoice is ready",
        "INV-99",
    )


def test_signed_payload_of_the_seed(post, ingress):
    Ingress.objects.update(signing_secret=encrypt("hush"))
    body = json.dumps(TEXT).encode()
    unsigned = post(body)
    forged = post(body, **{"X-Webhook-Signature": signature(body, "other")})
    signed = post(body, **{"X-Webhook-Signature": signature(body)})
    assert (error_of(unsigned), error_of(forged)) == ((401, "unauthorized"),) * 2
    assert (signed.status_code, Message.objects.count()) == (202, 1)


def test_signature_may_be_in_a_header_of_its_own(post, ingress):
    Ingress.objects.update(signing_secret=encrypt("hush"), signing_header="X-Shop-Mac")
    body = json.dumps(TEXT).encode()
    assert post(body, **{"X-Webhook-Signature": signature(body)}).status_code == 401
    assert post(body, **{"x-shop-mac": signature(body)}).status_code == 202


def test_signature_is_over_the_raw_body(post, ingress):
    Ingress.objects.update(signing_secret=encrypt("hush"))
    body = b'\xef\xbb\xbf{"to": "+6581230000",   "text": "x"}\n'
    assert post(body, **{"X-Webhook-Signature": signature(body)}).status_code == 202
    form = b"to=%2B6581230000&text=x"
    answer = post(
        form, "application/x-www-form-urlencoded", **{"X-Webhook-Signature": signature(form)}
    )
    assert answer.status_code == 202


@pytest.mark.parametrize("given", [6581230000, "8123 0000", 81230000, ["", "+65 81230000"]])
def test_number_is_read_in_the_tenants_country(post, given):
    assert post(TEXT | {"to": given}).json()["to"] == "+6581230000"
    assert Message.objects.get().recipient == "+6581230000"


@pytest.mark.parametrize(
    ("payload", "missing"),
    [
        ({}, ["to", "text"]),
        ({"text": "x"}, ["to"]),
        ({"to": "+6581230000"}, ["text"]),
        ({"to": "", "text": " "}, ["to", "text"]),
        ({"to": None, "text": False}, ["to", "text"]),
        ({"to": {"number": "1"}, "text": "x"}, ["to"]),
        ([TEXT], ["to", "text"]),
        ("text", ["to", "text"]),
    ],
)
def test_payload_without_recipient_or_text_is_told_the_paths_tried(post, payload, missing):
    answer = post(payload)
    body = answer.json()
    assert error_of(answer) == (400, "missing_fields")
    assert body["tried"] == {"to": ["to"], "text": ["text"]}
    assert [(issue["path"], issue["code"]) for issue in body["issues"]] == [
        (field, "missing_field") for field in missing
    ]
    assert set(body) == {"error", "message", "requestId", "issues", "tried"}
    assert Message.objects.count() == 0


def test_paths_tried_are_those_of_the_ingress(post, ingress):
    Ingress.objects.update(preset="netsuite", to_path="a.b", text_template="{{c}} {{$.d[0]}}")
    answer = post({"c": " "})
    assert answer.json()["tried"] == {"to": ["a.b"], "text": ["$.d[0]", "c"]}
    assert answer.json()["message"] == (
        "to: There is no value at a.b. text: There is no value at $.d[0] or c."
    )


@pytest.mark.parametrize(
    ("payload", "issue"),
    [
        (TEXT | {"to": "nobody"}, ("to", "invalid_phone_number")),
        (TEXT | {"to": "+6581230000, +6581230001"}, ("to", "invalid_phone_number")),
        (TEXT | {"text": "x" * 1601}, ("text", "invalid_length")),
        (TEXT | {"text": "x" * 900_000}, ("text", "invalid_length")),
    ],
)
def test_what_cannot_be_sent_names_the_field(post, payload, issue):
    answer = post(payload)
    assert error_of(answer) == (400, "validation_error")
    assert [(found["path"], found["code"]) for found in answer.json()["issues"]] == [issue]


def test_long_ref_is_cut_rather_than_the_sms_lost(post):
    assert post(TEXT | {"ref": "x" * 100}).status_code == 202
    assert Message.objects.get().ref == "x" * 64


def test_template_composes_the_text(post, ingress):
    Ingress.objects.update(text_template="Dear {{customer.name}}, order {{ref}} is ready.")
    assert post(TEXT | {"customer": {"name": "Mei"}}).json()["text"] == (
        "Dear Mei, order 4821 is ready."
    )


def test_form_becomes_an_sms(post):
    answer = post(b"to=%2B6581230000&text=Hi+there", "application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["text"]) == (202, "Hi there")


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"<a/>", "text/xml", (415, "unsupported_media_type")),
        (b"Hello", "text/plain", (415, "unsupported_media_type")),
        (b"{", "application/json", (400, "validation_error")),
        (b'{"to": "' + b"1" * 1_000_000 + b'"}', "application/json", (413, "payload_too_large")),
        (b"&".join(b"a=1" for _ in range(1001)), "application/x-www-form-urlencoded",
         (400, "validation_error")),
    ],
)  # fmt: skip
def test_body_that_cannot_be_read_is_refused(post, body, content_type, error):
    assert error_of(post(body, content_type)) == error


def test_unknown_disabled_and_malformed_tokens_are_equally_unknown(post, ingress):
    Ingress.objects.update(is_enabled=False)
    tokens = (ingress.secret_token, "ig_" + "x" * 43, "ig_x", ingress.external_id, "%00", "é")
    answers = [post(TEXT, token=token) for token in tokens]
    bodies = [answer.json() | {"requestId": ""} for answer in answers]
    assert [error_of(answer) for answer in answers] == [(404, "not_found")] * 6
    assert [body == bodies[0] for body in bodies] == [True] * 6


def test_suspended_tenant_sends_nothing(post, ingress):
    Tenant.objects.update(status=Tenant.Status.SUSPENDED)
    assert error_of(post(TEXT)) == (403, "tenant_inactive")


def test_without_a_phone_nothing_is_taken_unless_the_tenant_holds(post, ingress):
    Device.objects.update(is_online=False, last_seen_at=timezone.now() - timedelta(days=1))
    refused = post(TEXT)
    Tenant.objects.update(hold_when_offline=True)
    assert error_of(refused) == (503, "no_active_device_for_tenant")
    assert refused["Retry-After"] == "30"
    assert (post(TEXT).status_code, Message.objects.count()) == (202, 1)


def test_answer_tells_the_allowance(post, ingress):
    Ingress.objects.update(requests_per_minute=2)
    answers = [post(TEXT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert [answer["RateLimit-Limit"] for answer in answers] == ["2"] * 3
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert 1 <= int(answers[2]["Retry-After"]) <= 60


def test_wrong_signatures_do_not_use_up_the_allowance(post, ingress):
    Ingress.objects.update(signing_secret=encrypt("hush"), requests_per_minute=1)
    body = json.dumps(TEXT).encode()
    statuses = [post(body).status_code for _ in range(61)]
    assert statuses == [401] * 60 + [429]
    assert post(body, **{"X-Webhook-Signature": signature(body)}).status_code == 202


def test_guessing_tokens_is_limited_and_a_known_one_still_works(post):
    statuses = [post(TEXT, token="ig_" + f"{i:043}").status_code for i in range(61)]
    assert statuses == [404] * 60 + [429]
    assert post(TEXT).status_code == 202


def test_use_is_noted_at_most_once_a_minute(post, ingress):
    post(TEXT)
    first = Ingress.objects.get().last_used_at
    post(TEXT)
    assert Ingress.objects.get().last_used_at == first
    Ingress.objects.update(last_used_at=first - timedelta(minutes=2))
    post(TEXT)
    assert Ingress.objects.get().last_used_at > first


def test_other_methods_at_the_url_need_a_key(client, ingress):
    path = f"/v1/ingress/{ingress.secret_token}"
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert error_of(client.generic(method, path)) == (401, "unauthorized")
