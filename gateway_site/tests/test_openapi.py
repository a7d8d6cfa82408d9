"""The OpenAPI description as it is served."""

import pytest
import yaml

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def operations(client):
    """(method, path) -> operation."""
    described = yaml.safe_load(client.get("/v1/openapi.yaml").content)
    return {
        (method, path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_description_is_open_to_everybody(client):
    assert client.get("/v1/openapi.yaml").status_code == 200
    assert client.get("/v1/docs").status_code == 200


def test_every_operation_may_answer_with_the_error_envelope(operations):
    answers = [
        operation["responses"]["default"]["content"]["application/json"]["schema"]
        for operation in operations.values()
    ]
    assert answers == [{"$ref": "#/components/schemas/ErrorOut"}] * len(operations)


def test_every_operation_needs_a_key_but_pairing_and_posting_to_an_ingress(operations):
    open_to_all = [place for place, operation in operations.items() if not operation["security"]]
    assert open_to_all == [("post", "/v1/device/pair"), ("post", "/v1/ingress/{ingress_id}")]


def test_no_description_is_indented_as_code(client):
    schemas = yaml.safe_load(client.get("/v1/openapi.yaml").content)["components"]["schemas"]
    told = [schema.get("description", "") for schema in schemas.values()]
    assert [text for text in told if "\n    " in text] == []


def test_operation_ids_are_unique(operations):
    names = [operation["operationId"] for operation in operations.values()]
    assert sorted(set(names)) == sorted(names)


def test_every_operation_has_a_summary_or_description(operations):
    silent = [
        place
        for place, operation in operations.items()
        if not operation.get("description") and not operation.get("summary")
    ]
    assert silent == []
