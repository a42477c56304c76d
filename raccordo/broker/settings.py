"""How the line reaches Kafka: one block of settings, read from the environment, checked before anything runs."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from raccordo.broker.limits import MAX_RECORD_BYTES
from raccordo.errors import ConfigError

ENV_PREFIX = "RACCORDO_KAFKA_"
BOOTSTRAP = "RACCORDO_KAFKA"

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]


class KafkaSettings(BaseSettings):
    """Settings of the Kafka adapter: ``RACCORDO_KAFKA`` and ``RACCORDO_KAFKA_<FIELD>``. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, populate_by_name=True
    )

    bootstrap: str = Field(
        validation_alias=BOOTSTRAP, description="Brokers to ask first: host:port, several with commas."
    )
    client_id: str = Field(
        default="raccordo", min_length=1, description="Name under which brokers log this client."
    )
    namespace: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9-]*\.)?$",
        description="Put before every topic and group on a shared cluster; ends with a dot: `test.`.",
    )

    security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="Whether to encrypt and to sign in."
    )
    sasl_mechanism: Mechanism = Field(default="SCRAM-SHA-512", description="How to sign in, with SASL_*.")
    user: str = Field(default="", description="Who signs in; with OAUTHBEARER the client id.")
    password: SecretStr = Field(
        default=SecretStr(""), description="Its password; with OAUTHBEARER the client secret."
    )
    token_url: str = Field(default="", description="Where OAUTHBEARER tokens come from (client credentials).")
    token_scope: str = Field(default="", description="Scope to ask OAUTHBEARER tokens for.")
    ssl_ca: Path | None = Field(
        default=None, description="PEM file of the trusted authorities; else the system's."
    )
    ssl_cert: Path | None = Field(
        default=None, description="PEM file of our certificate chain, for mutual TLS."
    )
    ssl_key: Path | None = Field(
        default=None, description="PEM file of its private key, if not in the same file."
    )
    ssl_key_password: SecretStr | None = Field(default=None, description="Password of the private key.")

    session_timeout: float = Field(
        default=30.0, ge=1, description="A member not heard of for so long loses its partitions."
    )
    heartbeat: float = Field(
        default=3.0, gt=0, description="How often a member is heard of; at most a third of the session."
    )
    rebalance_timeout: float = Field(
        default=45.0,
        gt=0,
        description="How long a member may finish its work when partitions move; above the drain timeout.",
    )
    poll_timeout: float = Field(
        default=300.0, gt=0, description="A member that fetches nothing for so long leaves its group."
    )
    request_timeout: float = Field(
        default=50.0,
        gt=0,
        description="A connection without answer for so long is given up; above the rebalance timeout.",
    )
    start_deadline: float = Field(
        default=30.0, gt=0, description="How long to try to reach the first broker."
    )
    stop_deadline: float = Field(default=10.0, gt=0, description="How long flushing and leaving may take.")

    replication: int = Field(
        default=1, ge=1, description="Copies of each topic that `topics apply` makes; 3 in production."
    )
    compression: Compression = Field(default="lz4", description="How batches are compressed.")
    linger: float = Field(
        default=0.0, ge=0, le=1, description="How long to wait for more records before a batch is sent."
    )
    max_record_bytes: int = Field(
        default=MAX_RECORD_BYTES, ge=1024, description="Largest record to publish, uncompressed, in bytes."
    )
    fetch_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        description="Bytes fetched ahead for each partition, at most 16 times as many in all.",
    )

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - the port numbers
                raise ValueError(f"{address.strip()!r} is not host:port")
        return value

    @field_validator("ssl_ca", "ssl_cert", "ssl_key")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                value.read_bytes()
            except OSError as error:
                raise ValueError(f"{value} cannot be read ({error.strerror})") from error
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._sign_in_problems(), *self._timing_problems()]
        if not problems and self.encrypted:
            try:
                self.ssl_context()
            except (ssl.SSLError, OSError, ValueError) as error:
                problems.append(f"{ENV_PREFIX}SSL_*: the files do not fit together ({error})")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _sign_in_problems(self) -> list[str]:
        problems = []
        if self.security_protocol.startswith("SASL"):
            if not self.user or not self.password.get_secret_value():
                problems.append(f"{ENV_PREFIX}USER and {ENV_PREFIX}PASSWORD are needed with SASL")
            if self.sasl_mechanism == "OAUTHBEARER" and not self.token_url:
                problems.append(f"{ENV_PREFIX}TOKEN_URL is needed with OAUTHBEARER")
        elif self.user or self.password.get_secret_value():
            problems.append(
                f"{ENV_PREFIX}USER needs {ENV_PREFIX}SECURITY_PROTOCOL=SASL_SSL (or SASL_PLAINTEXT)"
            )
        if not self.encrypted and (self.ssl_ca or self.ssl_cert or self.ssl_key):
            problems.append(f"{ENV_PREFIX}SSL_*: need {ENV_PREFIX}SECURITY_PROTOCOL=SSL or SASL_SSL")
        if self.ssl_key and not self.ssl_cert:
            problems.append(f"{ENV_PREFIX}SSL_KEY needs {ENV_PREFIX}SSL_CERT")
        return problems

    def _timing_problems(self) -> list[str]:
        problems = []
        if self.heartbeat * 3 > self.session_timeout:
            problems.append(f"{ENV_PREFIX}HEARTBEAT must be at most a third of {ENV_PREFIX}SESSION_TIMEOUT")
        if self.request_timeout <= self.rebalance_timeout:
            problems.append(f"{ENV_PREFIX}REQUEST_TIMEOUT must be above {ENV_PREFIX}REBALANCE_TIMEOUT")
        if self.poll_timeout <= self.rebalance_timeout:
            problems.append(f"{ENV_PREFIX}POLL_TIMEOUT must be above {ENV_PREFIX}REBALANCE_TIMEOUT")
        return problems

    @property
    def encrypted(self) -> bool:
        """Whether connections use TLS."""
        return "SSL" in self.security_protocol.split("_")

    def ssl_context(self) -> ssl.SSLContext | None:
        """Make the TLS context, None without TLS. Certificates and host names are always verified."""
        if not self.encrypted:
            return None
        context = ssl.create_default_context(cafile=self.ssl_ca)
        if self.ssl_cert is not None:
            password = self.ssl_key_password.get_secret_value() if self.ssl_key_password else ""
            # An empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(self.ssl_cert, self.ssl_key, password)
        return context

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings. Raises ConfigError that lists every missing or wrong one with its variable."""
        try:
            return cls()  # pyright: ignore[reportCallIssue] - the environment gives the fields
        except ValidationError as error:
            problems = [_sentences(entry["loc"], entry["type"], entry["msg"]) for entry in error.errors()]
            raise ConfigError([sentence for several in problems for sentence in several]) from error


def _sentences(where: tuple[int | str, ...], kind: str, message: str) -> list[str]:
    message = message.removeprefix("Value error, ")
    if not where:
        return message.splitlines()
    field = str(where[0]).upper().removeprefix(ENV_PREFIX)
    name = BOOTSTRAP if field in {"BOOTSTRAP", BOOTSTRAP} else f"{ENV_PREFIX}{field}"
    return [f"{name}: {'is not set; name the brokers as host:port' if kind == 'missing' else message}"]
