"""Who may change whom in a team."""

from threading import Barrier, Thread

import pytest
from django.db import connection

from accounts.errors import Forbidden, NotFound
from accounts.models import Membership
from accounts.services.members import LastOwner, change_role, may_manage, remove_member
from accounts.tests.factories import MembershipFactory, TenantFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
# Actor -> whom they may manage.
MATRIX = {
    Role.OWNER: {Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.ADMIN: {Role.ADMIN, Role.OPERATOR, Role.VIEWER},
    Role.OPERATOR: set(),
    Role.VIEWER: set(),
}


@pytest.fixture
def tenant():
    return TenantFactory()


def member(tenant, role) -> Membership:
    return MembershipFactory(tenant=tenant, role=role)


@pytest.mark.parametrize("role", Role)
def test_roles_say_who_manages_whom(tenant, role):
    actor = member(tenant, role)
    managed = {other for other in Role if may_manage(actor, member(tenant, other))}
    assert managed == MATRIX[role]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", ["change", "remove"])
def test_services_hold_to_the_roles(tenant, role, verb):
    member(tenant, Role.OWNER)
    actor = member(tenant, role)
    for other in Role:
        target = member(tenant, other)
        wanted = Role.VIEWER if other != Role.VIEWER else Role.OPERATOR
        try:
            if verb == "change":
                change_role(actor=actor, member=target, role=wanted)
            else:
                remove_member(actor=actor, member=target)
            assert other in MATRIX[role]
        except Forbidden:
            assert other not in MATRIX[role]


def test_admin_makes_no_owner(tenant):
    admin, viewer = member(tenant, Role.ADMIN), member(tenant, Role.VIEWER)
    for target in (viewer, admin):
        with pytest.raises(Forbidden):
            change_role(actor=admin, member=target, role=Role.OWNER)


def test_last_owner_stays(tenant):
    owner = member(tenant, Role.OWNER)
    with pytest.raises(LastOwner):
        change_role(actor=owner, member=owner, role=Role.ADMIN)
    with pytest.raises(LastOwner):
        remove_member(actor=owner, member=owner)
    second = member(tenant, Role.OWNER)
    remove_member(actor=owner, member=owner)
    assert list(tenant.memberships.all()) == [second]


def test_anybody_may_leave(tenant):
    viewer = member(tenant, Role.VIEWER)
    remove_member(actor=viewer, member=viewer)
    entry = tenant.audit_entries.get()
    assert (entry.action, entry.actor, entry.target) == (
        "member.left",
        viewer.user,
        viewer.user.email,
    )


def test_changes_are_in_the_audit_log_once(tenant):
    owner, viewer = member(tenant, Role.OWNER), member(tenant, Role.VIEWER)
    changed = [change_role(actor=owner, member=viewer, role=Role.ADMIN) for _ in range(2)]
    remove_member(actor=owner, member=viewer)
    entries = tenant.audit_entries.order_by("pk").values_list("action", "detail")
    assert (changed, list(entries)) == (
        [True, False],
        [
            ("member.role_changed", {"was": "viewer", "role": "admin"}),
            ("member.removed", {"role": "admin"}),
        ],
    )


def test_removed_people_act_no_more_and_are_not_found(tenant):
    owner, admin = member(tenant, Role.OWNER), member(tenant, Role.ADMIN)
    viewer = member(tenant, Role.VIEWER)
    remove_member(actor=owner, member=admin)
    with pytest.raises(Forbidden):
        remove_member(actor=admin, member=viewer)
    with pytest.raises(NotFound):
        remove_member(actor=owner, member=admin)


def test_member_of_another_tenant_is_not_found(tenant):
    owner, stranger = member(tenant, Role.OWNER), MembershipFactory(role=Role.VIEWER)
    with pytest.raises(NotFound):
        remove_member(actor=owner, member=stranger)


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_remove_each_other(tenant):
    owners = [member(tenant, Role.OWNER) for _ in range(2)]
    barrier, refused = Barrier(2), []

    def remove(actor, target) -> None:
        barrier.wait(5)
        try:
            remove_member(actor=actor, member=target)
        except (Forbidden, LastOwner, NotFound) as error:
            refused.append(type(error))
        finally:
            connection.close()

    threads = [Thread(target=remove, args=pair) for pair in (owners, owners[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (refused, tenant.memberships.count()) == ([Forbidden], 1)
