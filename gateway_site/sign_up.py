"""Who may open an account."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Nobody by themselves yet: the first owner is made at the first start."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
