"""The account's settings: what the API's `/v1/settings` changes too."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import GatewayError, Issue
from accounts.members import MemberRequest, Role, member_required
from accounts.pages.errors import show_error
from accounts.services.tenants import update_settings
from gateway_site.pages.settings_forms import AccountForm, KeywordsForm
from messaging.models import KeywordSettings
from messaging.services.keyword_settings import update_keyword_settings


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.ADMIN)
def account(request: MemberRequest) -> HttpResponse:
    """The page, and its first form: name, country, time zone, what is kept."""
    if request.method != "POST":
        return _page(request)
    form = AccountForm(request.tenant, request.POST)
    if form.is_valid():
        try:
            update_settings(tenant=request.tenant, wanted=form.wanted(), actor=request.user)
            return _saved(request)
        except GatewayError as error:
            show_error(form, error)
    return _page(request, status=422, account_form=form)


@require_POST
@member_required(Role.ADMIN)
def keywords(request: MemberRequest) -> HttpResponse:
    """The second form: STOP, START and HELP."""
    form = KeywordsForm(request.tenant, _keywords_of(request), request.POST)
    if form.is_valid():
        try:
            update_keyword_settings(tenant=request.tenant, wanted=form.wanted(), actor=request.user)
            return _saved(request, "#keywords")
        except GatewayError as error:
            _show_error(form, error)
    return _page(request, status=422, keywords_form=form)


@require_POST
@member_required(Role.ADMIN)
def preview(request: MemberRequest) -> HttpResponse:
    """What the replies would say and cost, of a form that nobody has sent yet."""
    form = KeywordsForm(request.tenant, _keywords_of(request), request.POST)
    return render(request, "settings/_replies.html", {"form": form, "is_preview": True})


def _page(
    request: MemberRequest,
    *,
    status: int = 200,
    account_form: AccountForm | None = None,
    keywords_form: KeywordsForm | None = None,
) -> HttpResponse:
    """The whole page; a form that failed is shown as it was sent."""
    context = {
        "account_form": account_form or AccountForm(request.tenant),
        "keywords_form": keywords_form or KeywordsForm(request.tenant, _keywords_of(request)),
    }
    return render(request, "settings/settings.html", context, status=status)


def _saved(request: MemberRequest, where: str = "") -> HttpResponse:
    messages.success(request, "Saved.")
    answer = redirect("settings")
    answer["Location"] += where
    return answer


def _keywords_of(request: MemberRequest) -> KeywordSettings:
    found = KeywordSettings.objects.filter(tenant=request.tenant).first()
    return found or KeywordSettings(tenant=request.tenant)


def _show_error(form: KeywordsForm, error: GatewayError) -> None:
    """As `show_error`, for fields that the API has below `keywords`."""
    issues = tuple(
        Issue(issue.path.removeprefix("keywords."), issue.code, issue.message)
        for issue in error.issues
    )
    show_error(form, type(error)(error.message, issues=issues))
