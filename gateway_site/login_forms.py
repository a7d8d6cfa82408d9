"""allauth's forms in the words of these pages."""

from typing import Any

from allauth.account import forms
from allauth.core import context

from accounts.pages.join import invitation_in

RULE = "At least 8 characters, and none of the passwords that everybody takes."


class LoginForm(forms.LoginForm):  # type: ignore[misc]  # allauth has no types
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail address"
        self.fields["remember"].label = "Stay logged in on this device"
        _drop_placeholders(self)


class SignUpForm(forms.SignupForm):  # type: ignore[misc]
    """The same; an invited person's address is the one that was invited."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"
        self.fields["password1"].help_text = RULE
        _drop_placeholders(self)
        self.invitation = invitation_in(context.request)
        if self.invitation is not None:
            # Disabled: what a browser sends in its place is not read.
            self.fields["email"].initial = self.invitation.email
            self.fields["email"].disabled = True


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    """The address of the login."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"
        _drop_placeholders(self)


class AddEmailForm(forms.AddEmailForm):  # type: ignore[misc]
    """Another address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New e-mail address"
        _drop_placeholders(self)


class ChangePasswordForm(forms.ChangePasswordForm):  # type: ignore[misc]
    """The password now, and another one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Password now"
        _name_passwords(self)


class SetPasswordForm(forms.SetPasswordForm):  # type: ignore[misc]
    """A first password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_passwords(self)


class ResetPasswordKeyForm(forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """Another password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_passwords(self)


def _name_passwords(form: Any) -> None:
    form.fields["password1"].label = "New password"
    form.fields["password1"].help_text = RULE
    form.fields["password2"].label = "New password again"
    _drop_placeholders(form)


def _drop_placeholders(form: Any) -> None:
    """The labels say it."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
