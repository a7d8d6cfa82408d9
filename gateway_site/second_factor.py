"""The second factor of a login: codes from an authenticator app, and recovery codes."""

from allauth.mfa.adapter import DefaultMFAAdapter

from accounts.secrets import decrypt, encrypt


class SecondFactor(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's, with its secrets encrypted: whoever reads the database makes no codes of them."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)
