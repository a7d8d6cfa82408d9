"""Every preset turns what its product posts into the right SMS, without a path of the tenant's."""

from pathlib import Path

import pytest

from integrations.ingress.bodies import read_payload
from integrations.ingress.extraction import FieldPaths, extract
from integrations.ingress.models import Ingress
from integrations.ingress.paths import parse_path
from integrations.ingress.presets import PRESETS
from messaging.models import Message

SAMPLES = Path(__file__).parent / "samples"
CONTENT_TYPES = {".json": "application/json", ".form": "application/x-www-form-urlencoded"}
CONTACT = "e1f0c1a2-6b1c-4f35-8a47-0d2b7f1c9e55"
SEEN = "Dear Mei, we have your request."
READY = "Your table is ready."
SHIPPED = "Order SO1042 has left our warehouse."
# Sample -> text and ref; all are to the same number, written as each product does.
EXPECTED = {
    "generic.json": ("Order #4821 confirmed", "4821"),
    "zoho.form": (SEEN, "3652397000000649013"),
    "zoho.json": (SEEN, "3652397000000649013"),
    "salesforce.json": ("Your case 00001026 is closed.", "5005g00000F3kQ2AAJ"),
    "salesforce_apex.json": ("Your appointment is at 3 pm.", "0035g00000NbcDeAAJ"),
    "dynamics.json": (READY, CONTACT),
    "dynamics_image.json": (READY, CONTACT),
    "dynamics_flow.json": (READY, CONTACT),
    "odoo.json": ("We will call you today.", "Kitchen for Mei"),
    "odoo_sms.json": ("Code 4711", "7"),
    "netsuite.json": (SHIPPED, "SO1042"),
    "netsuite_script.json": ("Invoice INV77 is due.", "77"),
}


def preset_of(sample: str) -> str:
    return sample.partition(".")[0].partition("_")[0]


@pytest.mark.parametrize("sample", EXPECTED)
def test_sample_of_a_product_becomes_the_right_sms(sample, post, ingress):
    Ingress.objects.update(preset=preset_of(sample))
    path = SAMPLES / sample
    answer = post(path.read_bytes(), CONTENT_TYPES[path.suffix])
    text, ref = EXPECTED[sample]
    message = Message.objects.get()
    assert answer.status_code == 202
    assert (message.recipient, message.text, message.ref) == ("+6581230000", text, ref)


def test_every_sample_and_every_preset_is_tested():
    assert sorted(path.name for path in SAMPLES.iterdir()) == sorted(EXPECTED)
    assert {preset_of(sample) for sample in EXPECTED} == set(PRESETS)


def test_presets_are_those_of_the_contract():
    assert list(PRESETS) == ["generic", "zoho", "salesforce", "dynamics", "odoo", "netsuite"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.slug)
def test_preset_has_paths_that_can_be_followed_and_steps_for_people(preset):
    for path in (*preset.to, *preset.text, *preset.ref):
        assert len(parse_path(path)) > 0
    assert 3 <= len(preset.steps) <= 6
    assert preset.source[1].startswith("https://")
    assert preset.title != ""


def test_salesforce_soap_says_what_is_understood(post, ingress):
    answer = post(b"<soapenv:Envelope/>", "text/xml; charset=utf-8")
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


def test_a_false_of_odoo_is_an_empty_field():
    payload = read_payload("application/json", b'{"number": false, "phone": "+6581230000"}')
    paths = FieldPaths.of(Ingress(preset="odoo"))
    assert extract(payload, paths).to == "+6581230000"
