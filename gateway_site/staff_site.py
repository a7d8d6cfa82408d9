"""Django's admin behind the gateway's own login, with its limits and its second factor."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme


class StaffSite(AdminSite):
    """Lets staff in; where others can reach the gateway, only those with a second factor."""

    site_header = "SMS gateway: staff"
    site_title = "SMS gateway"
    index_title = "Everything"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not _lacks_second_factor(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Has no form of its own: leads to the login, to the second factor, or on."""
        target = request.GET.get("next") or "/admin/"
        if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
            target = "/admin/"
        if not request.user.is_authenticated:
            return redirect_to_login(target)
        if not super().has_permission(request):
            raise PermissionDenied
        if _lacks_second_factor(request):
            messages.warning(request, "Staff need two-step login. Turn it on, then go back.")
            return redirect("mfa_index")
        return redirect(target)

    def password_change(  # type: ignore[override]  # another page, instead of one made here
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """There is one way to change a password."""
        return redirect("account_change_password")


def _lacks_second_factor(request: HttpRequest) -> bool:
    return settings.STAFF_NEED_SECOND_FACTOR and not is_mfa_enabled(request.user)
