"""A tenant with a phone, and its members."""

import pytest

from accounts.tests.factories import MembershipFactory
from devices.tests.factories import DeviceFactory
from rules.tests.pages.helpers import Role


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def log_in(client, tenant):
    """A function that logs a member of the tenant in, with a role."""

    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


@pytest.fixture
def admin(log_in):
    return log_in()
