"""Whom we trust and how we show who we are; certificate files may change while we run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import certifi

from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Version = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate files of one system. There is no way to switch verification off.

    `ca` replaces the public authorities with a company's own; `certificate` (with its chain) and `key` sign
    us in.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    password: str | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files into a context that verifies chain and host name.

        Raises:
            ConfigError: a file is missing, unreadable, or key and certificate do not belong together.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.ca is None:
                context.load_verify_locations(
                    certifi.where()
                )  # a slim container may have no authorities of its own
            if self.certificate is not None:
                # An empty password makes an encrypted key an error instead of a question on the terminal.
                context.load_cert_chain(self.certificate, self.key, password=self.password or "")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            named = ", ".join(str(path) for path in self._files())
            raise ConfigError(f"certificate files {named}: {_why(error)}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def version(self) -> Version:
        """Say which state of the files is on disk now; a missing file counts as zeros."""
        return tuple(_state(path) for path in self._files())

    def _files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.ca, self.certificate, self.key) if path is not None)


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"unusable ({error.reason or 'not PEM, or the key needs another password'})"
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
