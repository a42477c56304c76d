"""Why it refused: both versions, both formats, and beside a success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raccordo.wire.http import Answer, Reason
from raccordo.wire.odata.reasons import is_outdated, reason_of, severe_message

FIXTURE = Path(__file__).parents[4] / "shared" / "fixtures" / "sap_odata" / "gateway_error_v2.xml"


def answer(body: Any, media_type: str = "application/json", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(400, {"content-type": media_type, **headers}, raw)


def v2(code: str, text: str, *details: dict[str, str]) -> dict[str, Any]:
    error = {
        "code": code,
        "message": {"lang": "en", "value": text},
        "innererror": {"errordetails": list(details)},
    }
    return {"error": error}


def test_a_v2_error_leads_with_the_business_code() -> None:
    """The T100 code of the first error, not the class of the exception; warnings are no reasons."""
    body = v2(
        "/IWBEP/CX_MGW_BUSI_EXCEPTION",
        "Order cannot be created",
        {"code": "V1/555", "message": "only a warning", "severity": "warning"},
        {"code": "V1/302", "message": "Sold-to is blocked", "severity": "error"},
        {"code": "/IWBEP/CX_MGW_BUSI_EXCEPTION", "message": "Order cannot be created", "severity": "error"},
    )
    reason = reason_of(answer(body))
    assert reason is not None
    assert reason.code == "V1/302"
    assert reason.sentence() == "Order cannot be created; Sold-to is blocked"


def test_a_v4_error() -> None:
    """Message as text, details beside it."""
    body = {
        "error": {"code": "V1/302", "message": "No", "details": [{"code": "V1/303", "message": "Nor this"}]}
    }
    assert reason_of(answer(body)) == Reason("V1/302", "No", ("Nor this",), ("V1/303",))


@pytest.mark.skipif(not FIXTURE.exists(), reason="fixture folder ../shared/fixtures absent")
def test_the_xml_error_of_saps_documentation() -> None:
    """Code, message and details of Gateway's own example."""
    reason = reason_of(answer(FIXTURE.read_bytes(), "application/xml"))
    assert reason is not None
    assert reason.code == "/IWBEP/CM_TEA/004"
    assert "is not in the defined range" in reason.message
    assert "'TEAM_012345678' is not a valid ID." in reason.details


@pytest.mark.parametrize(
    "body",
    [
        b"CSRF token validation failed",
        b"",
        b"<html>",
        b'{"error": "text"}',
        b'{"error": null}',
        b"[]",
        b'{"fault": {}}',
    ],
)
def test_a_body_without_an_error_has_no_reason(body: bytes) -> None:
    """Plain text and pages speak through the status alone."""
    assert reason_of(answer(body)) is None
    assert reason_of(answer(body, "application/xml")) is None


@pytest.mark.parametrize(
    "error",
    [
        {"message": 5},
        {"code": None, "innererror": []},
        {"details": "x"},
        {"innererror": {"errordetails": [1]}},
    ],
)
def test_odd_errors_are_read_as_far_as_they_go(error: dict[str, Any]) -> None:
    """A wrong type is empty and no crash."""
    assert isinstance(reason_of(answer({"error": error})), Reason)


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE error [<!ENTITY x SYSTEM "file:///etc/passwd">]><error><code>&x;</code></error>',
        b'<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><error><message>&b;</message></error>',
        '<!DOCTYPE error SYSTEM "http://127.0.0.1:9/x.dtd"><error/>'.encode("utf-16"),
    ],
)
def test_an_xml_error_cannot_reach_out(document: bytes) -> None:
    """A document type is no part of an error message."""
    assert reason_of(answer(document, "application/xml")) is None


def test_a_severe_message_beside_a_success_is_found() -> None:
    """In the header, among its details, and in V4 inside the entity."""
    info = {"code": "A/1", "message": "fine", "severity": "info"}
    error = {"code": "V1/302", "message": "blocked", "severity": "error"}
    assert severe_message(answer({}, **{"sap-message": json.dumps(info)}), {}) is None
    assert severe_message(answer({}, **{"sap-message": json.dumps(error)}), {}) == Reason("V1/302", "blocked")
    nested = json.dumps({**info, "details": [error]})
    assert severe_message(answer({}, **{"sap-message": nested}), {}) == Reason("V1/302", "blocked")
    fields = {"SAP__Messages": [{"code": "V1/302", "message": "blocked", "numericSeverity": 4}]}
    assert severe_message(answer({}), fields) == Reason("V1/302", "blocked")
    assert severe_message(answer({}, **{"sap-message": "not json"}), {"SAP__Messages": None}) is None


def test_an_outdated_request_id_is_recognised() -> None:
    """CM_COS 005, as the code itself or among the details."""
    assert is_outdated(reason_of(answer(v2("/IWBEP/CM_COS/005", "RequestID is outdated"))))
    inner = {"code": "/IWBEP/CM_COS/005", "message": "outdated", "severity": "error"}
    assert is_outdated(reason_of(answer(v2("/IWBEP/CX_MGW_TECH_EXCEPTION", "x", inner))))
    assert not is_outdated(reason_of(answer(v2("/IWBEP/CM_COS/001", "x"))))
    assert not is_outdated(None)
