"""Settings that every system spoken to in OData shares: where it is and how we sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationInfo, field_validator

from raccordo.connector import ConnectorConfig
from raccordo.wire.http import HttpSettings, Tls, TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _absolute(url: str) -> str:
    """Refuse what cannot be called, and a password in an address, which would end up in logs."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is no address such as https://host:44300") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("is no address such as https://host:44300")
    if parts.username or parts.password:
        raise ValueError("contains a user or password: set them by their own variables")
    if parts.query or parts.fragment:
        raise ValueError("contains a query or fragment")
    return url.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_absolute)]


class ODataConfig(ConnectorConfig):
    """Address and sign-in. Basic, OAuth 2 client credentials and a client certificate can be combined with TLS."""

    url: HttpUrl = Field(
        ..., min_length=1, description="Scheme, host and port of the system, without a service path."
    )
    user: str = Field("", description="User for basic authentication.")
    password: SecretStr = Field(SecretStr(""), validate_default=True, description="Password of `user`.")
    token_url: HttpUrl = Field(
        "", description="OAuth 2 token endpoint (client credentials), instead of a user."
    )
    client_id: str = Field("", validate_default=True, description="OAuth 2 client.")
    client_secret: SecretStr = Field(
        SecretStr(""), validate_default=True, description="Secret of `client_id`."
    )
    scope: str = Field("", description="OAuth 2 scope, where the token endpoint asks for one.")
    ca: FilePath | None = Field(
        None, description="PEM file of the certificate authorities to trust instead of the public ones."
    )
    certificate: FilePath | None = Field(
        None, description="PEM file of our client certificate with its chain."
    )
    key: FilePath | None = Field(
        None,
        validate_default=True,
        description="PEM file of its private key, where `certificate` does not hold it.",
    )
    key_password: SecretStr = Field(SecretStr(""), description="Password of the private key.")
    csrf: bool = Field(
        True, description="Whether writes need a token fetched before (SAP Gateway and RAP: yes)."
    )
    page_limit: int = Field(1000, ge=1, description="Pages that one read follows at most.")

    @field_validator("password", "client_id", "client_secret", "key")
    @classmethod
    def _complete(
        cls, value: SecretStr | str | Path | None, info: ValidationInfo
    ) -> SecretStr | str | Path | None:
        """Check each half of a sign-in beside the other, so that all problems are listed at once."""
        given = value.get_secret_value() if isinstance(value, SecretStr) else value
        needed_by = {"password": "user", "client_id": "token_url", "client_secret": "token_url"}.get(
            info.field_name or ""
        )
        if needed_by and info.data.get(needed_by) and not given:
            raise ValueError(f"is missing, while {needed_by} is set")
        if info.field_name == "password" and given and not info.data.get("user", "?"):
            raise ValueError("is set without user")
        if info.field_name == "client_id" and given and info.data.get("user"):
            raise ValueError("is set beside user: choose one way to sign in")
        if info.field_name == "client_id" and given and not info.data.get("token_url", "?"):
            raise ValueError("is set without token_url")
        if info.field_name == "key" and given and not info.data.get("certificate", "?"):
            raise ValueError("is set without certificate")
        return value

    def standing_query(self) -> Mapping[str, str]:
        """Return what every address carries in its query."""
        return {}

    def standing_headers(self) -> Mapping[str, str]:
        """Return what every request carries among its headers."""
        return {}

    def http_settings(self) -> HttpSettings:
        """Return what the HTTP client needs to know."""
        password = self.key_password.get_secret_value() or None
        return HttpSettings(
            system=self.name,
            timeout=self.timeout,
            max_connections=self.max_in_flight,
            tls=Tls(self.ca, self.certificate, self.key, password),
        )

    def token_endpoint(self) -> TokenEndpoint | None:
        """Return where tokens come from; None without OAuth."""
        if not self.token_url:
            return None
        return TokenEndpoint(self.token_url, self.client_id, self.client_secret, self.scope)
