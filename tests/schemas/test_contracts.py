"""What a contract checks between its fields, and how its constructors fill them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from hostile import order as order_json
from schemas import (
    CONTRACTS,
    OrderConfirmed,
    OrderCreated,
    OrderRejected,
    PaymentReceived,
    ReturnOpened,
    ShipmentSent,
)
from schemas.money import CURRENCIES

if TYPE_CHECKING:
    from raccordo.event import Contract


def read(contract: type[Contract], body: dict[str, Any]) -> Any:
    return contract.model_validate_json(json.dumps(body), strict=True)


def refused(contract: type[Contract], body: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        read(contract, body)
    return str(caught.value.errors(include_input=False, include_url=False))


ORDER = order_json(order_number="#1001", buyer_reference="PO-9")
LINE: dict[str, Any] = {"line_id": "1", "product": {"sku": "TG0011"}, "quantity": {"value": "2"}}
PAYMENT: dict[str, Any] = {
    "payment_id": "p1",
    "customer_id": "42",
    "amount": {"amount": "100", "currency": "EUR"},
    "received_at": "2026-01-31T08:15:00Z",
    "method": "card",
}
SHIPMENT: dict[str, Any] = {
    "shipment_id": "s1",
    "customer_id": "42",
    "order_id": "4711",
    "shipped_at": "2026-01-31T08:15:00Z",
    "lines": [LINE],
    "packages": [
        {"package_id": "340123450000000000", "contents": [{"line_id": "1", "quantity": {"value": "2"}}]},
    ],
}
RETURN: dict[str, Any] = {
    "return_id": "r1",
    "customer_id": "42",
    "order_id": "4711",
    "opened_at": "2026-01-31T08:15:00Z",
    "lines": [{**LINE, "reason": "damaged", "remedy": "refund"}],
}
GOOD = [
    (OrderCreated, ORDER),
    (PaymentReceived, PAYMENT),
    (ShipmentSent, SHIPMENT),
    (ReturnOpened, RETURN),
]


@pytest.mark.parametrize(("contract", "body"), GOOD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_small_fact_is_accepted(contract: type[Contract], body: dict[str, Any]) -> None:
    assert read(contract, body).info.topic == contract.info.topic


def test_the_topics_and_the_keys_are_the_agreed_ones() -> None:
    assert {contract.info.topic: contract.__name__ for contract in CONTRACTS} == {
        "ordini_creati": "OrderCreated",
        "ordini_confermati": "OrderConfirmed",
        "ordini_rifiutati": "OrderRejected",
        "pagamento_ricevuto": "PaymentReceived",
        "spedizione_inviata": "ShipmentSent",
        "reso_aperto": "ReturnOpened",
    }
    for contract in CONTRACTS:
        assert contract.info.key == "customer_id"
        assert contract.info.owner


def test_a_fact_is_frozen() -> None:
    with pytest.raises(ValidationError):
        read(OrderCreated, ORDER).order_id = "4712"


def test_an_order_is_found_by_every_number_that_people_know() -> None:
    assert dict(read(OrderCreated, ORDER).business_key_values()) == {
        "order_id": "4711",
        "order_number": "#1001",
        "buyer_reference": "PO-9",
    }


def test_the_parts_of_a_kit_name_another_line_of_the_order() -> None:
    for parent in ("2", "1"):
        body = order_json(lines=[{**LINE, "parent_line_id": parent}])
        assert "parent_line_id" in refused(OrderCreated, body)
    read(OrderCreated, order_json(lines=[LINE, {**LINE, "line_id": "2", "parent_line_id": "1"}]))


def test_the_sum_of_the_lines_is_checked_only_where_every_line_states_its_amount() -> None:
    stated, silent = {**LINE, "net_amount": "10.10"}, {**LINE, "line_id": "2"}
    assert "sum of the lines" in refused(OrderCreated, order_json(lines=[stated], totals={"lines": "10.11"}))
    read(OrderCreated, order_json(lines=[stated], totals={"lines": "10.1"}))
    read(OrderCreated, order_json(lines=[stated, silent], totals={"lines": "99"}))
    part = {**LINE, "line_id": "2", "parent_line_id": "1", "net_amount": "5"}
    read(OrderCreated, order_json(lines=[stated, part], totals={"lines": "10.10"}))


def test_a_period_ends_after_it_began() -> None:
    backwards = {"deliver_from": "2026-02-02", "deliver_until": "2026-02-01"}
    assert "ends before it begins" in refused(OrderCreated, order_json(requested=backwards))


@pytest.mark.parametrize("code", ["EUR", "CHF", "XCG", "ZWG", "BGN"])
def test_currencies_of_iso_4217_are_accepted(code: str) -> None:
    assert read(OrderCreated, order_json(currency=code)).currency == code


@pytest.mark.parametrize("code", ["XXX", "XTS", "HRK", "DEM", "eur", "€", "EURO", ""])
def test_other_currencies_are_refused(code: str) -> None:
    refused(OrderCreated, order_json(currency=code))
    assert code not in CURRENCIES


@pytest.mark.parametrize("unit", ["C62", "EA", "KGM", "PCE", "XBX", "4K"])
def test_units_by_code_are_accepted(unit: str) -> None:
    read(OrderCreated, order_json(lines=[{**LINE, "quantity": {"value": "1", "unit": unit}}]))


@pytest.mark.parametrize("unit", ["kg", "Stk", "pieces", "", "É1", "C620"])
def test_units_in_words_are_refused(unit: str) -> None:
    refused(OrderCreated, order_json(lines=[{**LINE, "quantity": {"value": "1", "unit": unit}}]))


def test_a_confirmation_says_which_order_stands_where() -> None:
    confirmed = OrderConfirmed.of(read(OrderCreated, ORDER), document="0000004711", system="sap")
    assert (confirmed.order_id, confirmed.customer_id, confirmed.document) == (
        "4711",
        "0000100042",
        "0000004711",
    )
    assert dict(confirmed.business_key_values()) == {
        "order_id": "4711",
        "order_number": "#1001",
        "buyer_reference": "PO-9",
        "document": "0000004711",
    }
    assert confirmed.record_key("acme") == read(OrderCreated, ORDER).record_key("acme")


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        ("V1/302", "Material not listed", ("V1/302", "Material not listed")),
        ("", "", ("unknown", "no reason given")),
        (" \n", "\0\x1b[31m \ud800", ("unknown", "[31m")),
        ("a\r\nb " + "c" * 200, "x" * 9000, ("a b " + "c" * 96, "x" * 5000)),
    ],
)
def test_every_refusal_can_be_told_whatever_the_system_wrote(
    code: str, reason: str, told: tuple[str, str]
) -> None:
    rejected = OrderRejected.of(read(OrderCreated, ORDER), code=code, reason=reason, system="sap")
    assert (rejected.code, rejected.reason) == told
    assert OrderRejected.model_validate_json(rejected.model_dump_json(), strict=True) == rejected


def test_a_payment_is_more_than_nothing_and_settles_no_more_than_it_is() -> None:
    order = {"kind": "order", "document": "4711"}
    for amount in ("0", "-1"):
        assert "more than zero" in refused(
            PaymentReceived, {**PAYMENT, "amount": {"amount": amount, "currency": "EUR"}}
        )
    too_much = [{**order, "amount": {"amount": "60", "currency": "EUR"}}] * 2
    assert "more than the payment" in refused(PaymentReceived, {**PAYMENT, "allocations": too_much})
    foreign = [{**order, "amount": {"amount": "60", "currency": "USD"}}]
    assert "another currency" in refused(PaymentReceived, {**PAYMENT, "allocations": foreign})
    nameless = [{"kind": "invoice", "amount": {"amount": "1", "currency": "EUR"}}]
    assert "names no document" in refused(PaymentReceived, {**PAYMENT, "allocations": nameless})


def test_a_package_holds_lines_of_its_shipment() -> None:
    [package] = SHIPMENT["packages"]
    strange = {**package, "contents": [{"line_id": "9", "quantity": {"value": "1"}}]}
    assert "does not have" in refused(ShipmentSent, {**SHIPMENT, "packages": [strange]})
    assert "same package_id" in refused(ShipmentSent, {**SHIPMENT, "packages": [package, package]})


@pytest.mark.parametrize(
    ("contract", "body"), [GOOD[0], *GOOD[2:]], ids=lambda value: getattr(value, "__name__", "")
)
def test_no_two_lines_have_one_number(contract: type[Contract], body: dict[str, Any]) -> None:
    assert "same line_id" in refused(contract, {**body, "lines": [body["lines"][0]] * 2})


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "http://a\nb"])
def test_a_link_leads_to_the_web(url: str) -> None:
    [package] = SHIPMENT["packages"]
    refused(ShipmentSent, {**SHIPMENT, "packages": [{**package, "tracking_url": url}]})
