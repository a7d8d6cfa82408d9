"""Who may get a login, and how the gateway's own e-mails about logins look."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest

from accounts.mail import PRIVATE, as_html
from accounts.pages.join import invitation_in

MAIL_SENT = "account/messages/email_confirmation_sent.txt"


class SignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Everybody when `SIGN_UP` is open; else whoever followed the link of an invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGN_UP_IS_OPEN or invitation_in(request) is not None

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _public(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _public(super().get_email_confirmation_url(request, emailconfirmation))

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **more: Any,
    ) -> None:
        """allauth's, but nobody is sent to look for an e-mail that is not delivered."""
        if settings.MAIL_IS_DELIVERED or message_template != MAIL_SENT:
            super().add_message(request, level, message_template, *args, **more)

    def render_mail(self, *args: Any, **kwargs: Any) -> EmailMessage:
        """allauth's text, and the same as simple HTML."""
        message: EmailMessage = super().render_mail(*args, **kwargs)
        message.extra_headers |= PRIVATE
        if isinstance(message, EmailMultiAlternatives):
            message.attach_alternative(
                as_html(str(message.subject), str(message.body)), "text/html"
            )
        return message


class GoogleSignUp(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The same door; while it is closed, only the invited address comes in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        if settings.SIGN_UP_IS_OPEN:
            return True
        invitation = invitation_in(request)
        return invitation is not None and invitation.email == sociallogin.user.email.lower()


def _public(url: str) -> str:
    """`url` at the gateway's public address, whatever host name the request came by."""
    parts = urlsplit(url)
    return f"{settings.PUBLIC_URL}{parts._replace(scheme='', netloc='').geturl()}"
