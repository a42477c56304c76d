"""Kafka's jars against a Maven repository on loopback that serves good, cut and wrong files."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from raccordo.dev import jars
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JAR = b"PK\x03\x04 a jar"
PLACE = "org/example/thing/1.0/thing-1.0.jar"


class _Quiet(SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a remote repository that jgo is told to use, with one jar, which the lock file pins."""
    folder = tmp_path / "remote"
    (folder / PLACE).parent.mkdir(parents=True)
    (folder / PLACE).write_bytes(JAR)
    lock = tmp_path / "lock.toml"
    digest = hashlib.sha256(JAR).hexdigest()
    lock.write_text(
        f'[[dependencies]]\ngroupId = "org.example"\nartifactId = "thing"\nversion = "1.0"\n'
        f'sha256 = "{digest}"\n'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\nnear = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setattr(jars, "LOCK", lock)
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_missing_jars_are_fetched_once_and_said(remote: Path) -> None:
    """The first call downloads and says so; the second one says and fetches nothing."""
    said: list[str] = []
    (path,) = jars.kafka_jars(said.append)
    assert path.read_bytes() == JAR
    assert len(said) == 1
    assert said[0].startswith("Kafka: 1 of 1 jars are fetched to ")
    (remote / PLACE).unlink()
    assert jars.kafka_jars(said.append) == [path]
    assert len(said) == 1


def test_a_jar_that_a_cut_download_left_is_fetched_again(remote: Path, tmp_path: Path) -> None:
    """A part of a jar in the local repository is noticed by its digest and replaced."""
    part = tmp_path / "m2" / PLACE
    part.parent.mkdir(parents=True)
    part.write_bytes(JAR[:4])
    assert jars.kafka_jars()[0].read_bytes() == JAR


def test_a_jar_with_another_content_is_refused(remote: Path) -> None:
    """What the lock file does not pin is never put on the class path."""
    (remote / PLACE).write_bytes(b"something else")
    with pytest.raises(ServiceError, match=r"is not the one that lock\.toml pins"):
        jars.kafka_jars()


def test_the_lock_file_names_no_addresses_and_no_second_kafka() -> None:
    """All jars have a digest; the clients are those of the broker; no address is committed."""
    text = jars.LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert text.count("[[dependencies]]") == text.count("sha256 = ")
    assert 'artifactId = "kafka-clients"\nversion = "4.3.1"' in text
