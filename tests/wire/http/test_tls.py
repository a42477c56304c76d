"""Trust is never switched off, and certificates change while we run."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from raccordo.errors import ConfigError, Unavailable
from raccordo.wire.http import Call, HttpClient, HttpSettings, Request, Tls
from stub_http import Asked, Reply, serving

if TYPE_CHECKING:
    from pathlib import Path

READ = Call("sap", "get_order")


async def _fine(_: Asked) -> Reply:
    return Reply(200)


def _server(
    authority: trustme.CA, *names: str, clients: trustme.CA | None = None, **certificate: Any
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost",)), **certificate).configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _pem(authority: trustme.CA, path: Path) -> Path:
    authority.cert_pem.write_to_path(str(path))
    return path


def _client(tls: Tls) -> HttpClient:
    return HttpClient(HttpSettings("sap", timeout=5, tls=tls))


async def test_a_company_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    """Its certificate is good with it, and refused without."""
    authority = trustme.CA()
    async with serving(_fine, _server(authority)) as stub:
        client, stranger = _client(Tls(ca=_pem(authority, tmp_path / "ca.pem"))), _client(Tls())
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
        with pytest.raises(Unavailable, match="certificate"):
            await stranger.exchange(Request(READ, "GET", stub.url))
        await client.stop()
        await stranger.stop()


@pytest.mark.parametrize(
    ("names", "certificate"),
    [(("elsewhere.example",), {}), (("localhost",), {"not_after": datetime.now(UTC) - timedelta(days=1)})],
    ids=["another host's", "expired"],
)
async def test_a_wrong_certificate_fails_closed(
    tmp_path: Path, names: tuple[str, ...], certificate: dict[str, Any]
) -> None:
    """Another host's or yesterday's: nothing is sent."""
    authority = trustme.CA()
    async with serving(_fine, _server(authority, *names, **certificate)) as stub:
        client = _client(Tls(ca=_pem(authority, tmp_path / "ca.pem")))
        with pytest.raises(Unavailable, match="certificate"):
            await client.exchange(
                Request(Call("sap", "create_order", writes=True), "POST", stub.url, {}, b"{}")
            )
        assert stub.asked == []
        await client.stop()


async def test_a_client_certificate_signs_in_and_is_exchanged_while_running(tmp_path: Path) -> None:
    """The server stops trusting the old authority; the new files are read without a restart."""
    authority, old, new = trustme.CA(), trustme.CA(), trustme.CA()
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"

    def issue(by: trustme.CA) -> None:
        issued = by.issue_cert("robot@example.com")
        key.write_bytes(issued.private_key_pem.bytes())
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    issue(old)
    client = _client(Tls(_pem(authority, tmp_path / "ca.pem"), certificate, key))
    async with serving(_fine, _server(authority, clients=old)) as stub:
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
    async with serving(_fine, _server(authority, clients=new)) as stub:
        with pytest.raises(Unavailable):
            await client.exchange(Request(READ, "GET", stub.url))
        issue(new)
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
    await client.stop()


async def test_a_half_written_certificate_changes_nothing(tmp_path: Path) -> None:
    """Rotation is seldom atomic: the old one is used until the new one can be."""
    authority = trustme.CA()
    ca = _pem(authority, tmp_path / "ca.pem")
    whole = ca.read_bytes()
    client = _client(Tls(ca=ca))
    async with serving(_fine, _server(authority)) as stub:
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
        ca.write_bytes(whole[:100])
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
        ca.write_bytes(whole)
        assert (await client.exchange(Request(READ, "GET", stub.url))).ok
    await client.stop()


async def test_files_that_cannot_be_used_are_a_sentence_at_start(tmp_path: Path) -> None:
    """Missing, no PEM, a key of another certificate, an encrypted key without its password."""
    authority = trustme.CA()
    one, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    good, key, text = tmp_path / "good.pem", tmp_path / "other.key", tmp_path / "text.pem"
    good.write_bytes(one.cert_chain_pems[0].bytes())
    key.write_bytes(other.private_key_pem.bytes())
    text.write_text("no certificate")
    for tls in (
        Tls(ca=tmp_path / "absent"),
        Tls(ca=text),
        Tls(certificate=good, key=key),
        Tls(certificate=good),
    ):
        with pytest.raises(ConfigError, match="certificate files"):
            await _client(tls).start()
