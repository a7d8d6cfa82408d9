"""The pages about integrations."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Membership
from accounts.secrets import decrypt, encrypt
from accounts.tests.factories import MembershipFactory
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.pages.presets import PURPOSES
from integrations.ingress.pages.tree import MOST_NODES, path_to, tree_of
from integrations.ingress.paths import look_up, parse_path
from integrations.ingress.presets import PRESETS
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory
from messaging.models import Message

pytestmark = pytest.mark.django_db

Role = Membership.Role
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>"
PATHS = {"preset": "generic", "to_path": "", "text_path": "", "ref_path": "", "text_template": ""}


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the tenant in, with a role."""

    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=device.tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


def page(ingress, verb=""):
    return f"/integrations/{ingress.external_id}{verb}"


def queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(captured)


def test_every_preset_says_what_it_is_for():
    assert list(PURPOSES) == list(PRESETS)


# --- The tree ---------------------------------------------------------------------------------


def leaves(node):
    if not node.children:
        return [node]
    return [leaf for child in node.children for leaf in leaves(child)]


def test_path_of_every_value_leads_to_it():
    payload = {
        "a": {"b c": "1", "ü": 2.5, "$x": "4"},
        "d.e": ["5", {"f'g": "6", 'h"i': "7", "j\\k": "8", "l[0]": "9"}],
        "$m": "10",
        "0": {"": "11", "n\n": "12"},
        "pairs": [{"key": "mobilephone", "value": "13"}, {"key": "7", "value": "14"}],
    }
    found = leaves(tree_of(payload))
    paths = {leaf.shown: leaf.path for leaf in found if leaf.path}
    assert {str(look_up(payload, parse_path(path))) for path in paths.values()} == set(paths)
    # No path has an empty name in it.
    assert {leaf.shown for leaf in found} - set(paths) == {"11"}
    assert paths["13"] == "pairs.mobilephone"


def test_paths_are_dotted_where_dots_can_say_it():
    assert path_to(("items", 0, "order no")) == "items.0.order no"
    assert path_to(("items", 0, "order.no")) == "$['items'][0]['order.no']"


def test_second_pair_of_one_key_has_no_path():
    pairs = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    assert [leaf.path for leaf in leaves(tree_of({"p": pairs}))] == ["p.a", ""]


def test_unusable_values_have_no_path():
    found = leaves(tree_of({"a": None, "b": False, "c": " ", "d": []}))
    assert [leaf.path for leaf in found] == ["", "", "", ""]


def test_large_payload_is_cut():
    tree = tree_of(list(range(MOST_NODES * 2)))
    assert (len(tree.children), tree.is_cut) == (MOST_NODES - 1, True)


# --- The list and the wizard ------------------------------------------------------------------


def test_without_integrations_there_is_one_thing_to_do(client, log_in):
    log_in()
    assert client.get("/integrations").content.count(b"/integrations/new") == 1


def test_list_has_the_last_result_of_each(client, log_in, ingress):
    IngressPayloadFactory(ingress=ingress, status=400)
    last = IngressPayloadFactory(ingress=ingress)
    IngressFactory(tenant=ingress.tenant)
    log_in(Role.VIEWER)
    assert [row[2] for row in client.get("/integrations").context["rows"]] == [last, None]


def test_list_takes_as_many_queries_for_one_integration_as_for_thirty(client, log_in, ingress):
    log_in()
    IngressPayloadFactory(ingress=ingress)
    one = queries(client, "/integrations")
    for other in IngressFactory.create_batch(29, tenant=ingress.tenant):
        IngressPayloadFactory(ingress=other)
    assert queries(client, "/integrations") == one


@pytest.mark.parametrize("verb", ["", "/fresh"])
def test_page_takes_as_many_queries_for_one_payload_as_for_thirty(client, log_in, ingress, verb):
    log_in()
    IngressPayloadFactory(ingress=ingress)
    one = queries(client, page(ingress, verb))
    IngressPayloadFactory.create_batch(29, ingress=ingress)
    assert queries(client, page(ingress, verb)) == one


def test_wizard_leads_from_the_preset_to_the_first_payload(client, log_in, device):
    user = log_in()
    assert len(client.get("/integrations/new").context["choices"]) == 6
    answer = client.post("/integrations/new?preset=odoo", {"name": "Shop", "once_per_ref": "on"})
    made = Ingress.objects.get()
    assert (made.preset, made.name, made.once_per_ref) == ("odoo", "Shop", True)
    assert AuditEntry.objects.get(target=made.external_id).actor == user
    setup = client.get(answer["Location"])
    assert setup.context["address"].endswith(decrypt(made.token))
    assert setup.content.count(b"every 3s") == 1
    url = setup.context["address"].partition("/v1/")[2]
    sent = {"number": "+6581230000", "body": "Hi"}
    client.post(f"/v1/{url}", sent, content_type="application/json")
    first = client.get(page(made, "/first"))
    assert first.context["payload"].extracted["found"] == {
        "to": ["number"],
        "text": ["body"],
        "ref": [],
    }
    assert first.content.count(b"every 3s") == 0


def test_nameless_integration_is_refused_and_keeps_its_options(client, log_in, device):
    log_in()
    answer = client.post("/integrations/new?preset=zoho", {"name": "", "once_per_ref": "on"})
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors)) == (422, ["name"])
    assert form["once_per_ref"].value() is True


# --- One integration --------------------------------------------------------------------------


def test_paths_are_saved(client, log_in, ingress):
    log_in()
    answer = client.post(page(ingress, "/paths"), PATHS | {"to_path": "customer.phone"})
    ingress.refresh_from_db()
    assert (answer.status_code, ingress.to_path) == (302, "customer.phone")


def test_wrong_paths_are_marked_and_kept(client, log_in, ingress):
    log_in()
    typed = PATHS | {"to_path": "$..phone", "text_template": "{% if x %}"}
    answer = client.post(page(ingress, "/paths"), typed)
    form = answer.context["paths_form"]
    assert (answer.status_code, sorted(form.errors)) == (422, ["text_template", "to_path"])
    assert form["to_path"].value() == "$..phone"


def test_edited_paths_are_tried_on_a_payload_and_not_saved(client, log_in, ingress):
    logged = IngressPayloadFactory(ingress=ingress, body='{"c": {"p": "+6581230000"}, "m": "Hi"}')
    log_in()
    typed = PATHS | {"to_path": "c.p", "text_path": "m", "payload_id": logged.external_id}
    answer = client.post(page(ingress, "/try"), typed, headers=HTMX)
    rehearsal = answer.context["sample"].rehearsal
    assert (rehearsal.checked.recipient, rehearsal.extraction.text) == ("+6581230000", "Hi")
    ingress.refresh_from_db()
    assert (ingress.to_path, Message.objects.count()) == ("", 0)


def test_pasted_payload_beats_the_one_of_the_log(client, log_in, ingress):
    logged = IngressPayloadFactory(ingress=ingress)
    log_in()
    typed = PATHS | {"payload_id": logged.external_id, "pasted": '{"to": "+6581230000"}'}
    answer = client.post(page(ingress, "/try"), typed, headers=HTMX)
    sample = answer.context["sample"]
    assert (sample.logged, sample.rehearsal.extraction.missing) == (None, ["text"])
    # Without htmx it is the page, with what was typed.
    whole = client.post(page(ingress, "/try"), typed)
    assert whole.context["sample_form"]["pasted"].value() == typed["pasted"]


@pytest.mark.parametrize("pasted", ["{", "[" * 30 + "]" * 30, '{"to": "\\u0000"}'])
def test_pasted_nonsense_is_marked(client, log_in, ingress, pasted):
    log_in()
    answer = client.post(page(ingress, "/try"), PATHS | {"pasted": pasted})
    assert answer.status_code == 422
    assert list(answer.context["sample_form"].errors) == ["pasted"]


def test_payload_that_was_cut_is_shown_as_it_is(client, log_in, ingress):
    IngressPayloadFactory(ingress=ingress, body='{"to": "', is_cut=True)
    log_in()
    sample = client.get(page(ingress)).context["sample"]
    assert (sample.tree, sample.problem != "") == (None, True)


def test_page_shows_the_chosen_payload_and_the_paths_tried(client, log_in, ingress):
    older = IngressPayloadFactory(ingress=ingress, body='{"to": "+6581230000"}', status=400)
    newest = IngressPayloadFactory(ingress=ingress)
    log_in(Role.VIEWER)
    chosen = client.get(page(ingress), {"payload": older.external_id}).context["sample"]
    assert client.get(page(ingress)).context["sample"].logged == newest
    assert (chosen.logged, chosen.rehearsal.error.tried["text"]) == (older, ["text"])


def test_hostile_payload_is_text(client, log_in, ingress):
    body = f'{{"{HOSTILE}": "{HOSTILE}", "to": "{HOSTILE}"}}'
    IngressPayloadFactory(ingress=ingress, body=body, error=HOSTILE, content_type=HOSTILE)
    IngressPayloadFactory(ingress=ingress, extracted={"to": HOSTILE, "text": HOSTILE, "found": {}})
    log_in()
    pages = [client.get(page(ingress, verb)) for verb in ("", "/fresh", "/first", "/setup")]
    assert {(answer.status_code, answer.content.count(b"<script>")) for answer in pages} == {
        (200, 0)
    }


def test_open_page_hears_of_new_payloads(client, log_in, ingress):
    seen, new = IngressPayloadFactory.create_batch(2, ingress=ingress)
    log_in()
    answer = client.get(page(ingress, "/fresh"), {"after": seen.external_id})
    assert (answer.context["payloads"], answer.context["newest"]) == ([new], new.external_id)


OPTIONS = {
    "name": "Shop",
    "is_enabled": "on",
    "requests_per_minute": "60",
    "signing_header": "X-Sign",
    "outbound_url": "",
}


@pytest.mark.parametrize(
    ("typed", "secret"),
    [
        ({}, "s3cret-0f-before"),
        ({"signing_secret": "new"}, "new"),
        ({"drop_secret": "on"}, ""),
    ],
)
def test_secret_stays_unless_it_is_replaced_or_dropped(client, log_in, ingress, typed, secret):
    Ingress.objects.update(signing_secret=encrypt("s3cret-0f-before"))
    log_in()
    client.post(page(ingress, "/options"), OPTIONS | typed)
    ingress.refresh_from_db()
    stored = decrypt(ingress.signing_secret) if ingress.signing_secret else ""
    assert (stored, ingress.name, ingress.signing_header) == (secret, "Shop", "X-Sign")
    assert b"s3cret-0f-before" not in client.get(page(ingress)).content


def test_wrong_options_are_marked_and_kept(client, log_in, ingress):
    log_in()
    typed = {"outbound_url": "https://10.0.0.1/", "signing_header": "no spaces"}
    answer = client.post(page(ingress, "/options"), OPTIONS | typed)
    form = answer.context["options_form"]
    assert (answer.status_code, sorted(form.errors)) == (422, ["outbound_url", "signing_header"])
    assert form["outbound_url"].value() == "https://10.0.0.1/"


def test_new_address_ends_the_old_one(client, log_in, ingress):
    log_in()
    client.post(page(ingress, "/rotate"))
    assert client.get(page(ingress)).content.count(ingress.secret_token.encode()) == 0


def test_integration_is_deleted_once_its_name_is_typed(client, log_in, ingress):
    log_in()
    wrong = client.post(page(ingress, "/delete"), {"typed": "Order"})
    right = client.post(page(ingress, "/delete"), {"typed": "Order system"})
    assert (wrong.status_code, right["Location"]) == (422, "/integrations")
    assert not Ingress.objects.exists()


# --- Roles and tenants ------------------------------------------------------------------------

CHANGES = ["/paths", "/try", "/options", "/rotate", "/delete"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_those_below_admin_look_and_see_no_token(client, log_in, ingress, role):
    IngressPayloadFactory(ingress=ingress)
    log_in(role)
    shown = client.get(page(ingress)).content.decode()
    # The frame has one form of its own: to log out.
    found = [shown.count(text) for text in (ingress.secret_token, 'method="post"', "data-path")]
    assert (found, shown.count("ig_****")) == ([0, 1, 0], 1)
    assert {client.post(page(ingress, verb)).status_code for verb in CHANGES} == {403}
    paths = ["/integrations/new", page(ingress, "/setup"), page(ingress, "/first")]
    assert {client.get(path).status_code for path in paths} == {403}


@pytest.mark.parametrize("verb", ["", "/setup", "/first", "/fresh", *CHANGES])
def test_another_tenants_integration_does_not_exist(client, log_in, verb):
    log_in()
    call = client.post if verb in CHANGES else client.get
    assert call(page(IngressFactory(), verb)).status_code == 404


def test_another_ingresss_payload_is_not_shown(client, log_in, ingress):
    foreign: IngressPayload = IngressPayloadFactory()
    log_in()
    query = {"payload": foreign.external_id}
    assert client.get(page(ingress), query).context["sample"].logged is None


@pytest.mark.parametrize("verb", CHANGES)
def test_an_integration_is_not_changed_by_looking(client, log_in, ingress, verb):
    log_in()
    assert client.get(page(ingress, verb)).status_code == 405
