"""The API reference that people read."""

import re
from html import unescape

import pytest
import yaml

from gateway_site.reference import Answer, Field, read_sections, sections

DESCRIBED = yaml.safe_load(
    """
components:
  schemas:
    ThingIn:
      description: A thing, as `one` wants it.
      type: object
      required: [name, parts]
      properties:
        name: {type: string, minLength: 1, maxLength: 60}
        colour: {enum: [green, red], default: red}
        parts: {type: array, maxItems: 9, items: {$ref: '#/components/schemas/Part'}}
        until: {anyOf: [{type: string, format: date-time, description: The end.}, {type: 'null'}]}
        note: {}
    Part:
      type: object
      required: [size]
      properties:
        size: {type: integer, minimum: 2, examples: [7]}
        inner: {anyOf: [{$ref: '#/components/schemas/Part'}, {type: 'null'}]}
paths:
  /v1/things/{thing_id}:
    put:
      operationId: replaceThing
      description: Make it anew.
      tags: [things]
      security: [{apiKey: []}]
      parameters:
      - {in: path, name: thing_id, required: true, schema: {type: string}}
      - {in: query, name: dry, schema: {type: boolean, description: Only look.}}
      requestBody:
        content: {application/json: {schema: {$ref: '#/components/schemas/ThingIn'}}}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Part'}}}}
        '204': {description: ''}
        default: {description: An error.}
  /v1/messages:
    get: {operationId: listMessages, tags: [messages], security: [], responses: {}}
"""
)


@pytest.fixture(scope="module")
def operation():
    _, things = read_sections(DESCRIBED)
    (operation,) = things.operations
    return operation


def test_messages_come_first():
    assert [section.title for section in read_sections(DESCRIBED)] == ["Messages", "Things"]


def test_operation_says_what_it_is(operation):
    assert (operation.title, operation.method, operation.path) == (
        "Replace thing",
        "PUT",
        "/v1/things/{thing_id}",
    )
    assert (operation.about, operation.access) == ("Make it anew.", "API key")
    assert operation.body_about == "A thing, as `one` wants it."


def test_parameters_say_where_they_go(operation):
    assert operation.parameters == (
        Field("thing_id", "string, in the path", "", "", (), is_required=True),
        Field("dry", "boolean", "Only look.", "", (), is_required=False),
    )


def test_fields_are_followed_by_their_own_to_a_depth(operation):
    size = Field("size", "integer", "", "at least 2", (), is_required=True)
    inner = Field("inner", "object or null", "", "", (), is_required=False)

    def at(depth: int) -> list[Field]:
        return [Field(**(vars(field) | {"depth": depth})) for field in (size, inner)]

    assert list(operation.body) == [
        Field("name", "string", "", "1 to 60 characters", (), is_required=True),
        Field("colour", "string", "", "by default red", ("green", "red"), is_required=False),
        Field("parts", "array of objects", "", "at most 9 entries", (), is_required=True),
        *at(1),
        *at(2),
        *at(3),
        Field("until", "time or null", "The end.", "", (), is_required=False),
        Field("note", "any value", "", "", (), is_required=False),
    ]


def test_answers_are_those_of_success(operation):
    assert [answer.status for answer in operation.answers] == ["200 OK", "204 No Content"]
    assert operation.answers[1] == Answer("204 No Content", ())


def test_example_has_what_is_required(operation):
    assert operation.example == '{"name": "…", "parts": [{"size": 7}]}'


@pytest.mark.django_db
def test_page_has_every_operation_of_the_description(client):
    described = yaml.safe_load(client.get("/v1/openapi.yaml").content)
    expected = {
        (operation["operationId"], method.upper(), path)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    page = client.get("/v1/docs").content.decode()
    shown = set(
        re.findall(
            r'<article[^>]* id="(\w+)".*?<span class="method \w+">(\w+)</span> <code>(.*?)</code>',
            page,
            re.DOTALL,
        )
    )
    assert shown == expected


def test_first_example_is_one_that_works():
    (send,) = [o for o in sections()[0].operations if o.id == "sendMessage"]
    assert send.example == '{"to": "+6581230000", "text": "Your order is ready."}'


@pytest.mark.django_db
def test_sentences_are_escaped_and_their_code_is_marked(client):
    page = client.get("/v1/docs").content.decode()
    assert "After this it is <code>expired</code>, not sent." in page
    assert "&#x27;" in page or "&#39;" in page  # the apostrophe of a sentence
    assert "`" not in unescape(re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL))
