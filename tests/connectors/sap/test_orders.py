"""Sales orders against mock-sap and against servers that answer as SAP may: created, found, read, checked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from connectors.sap import SapConfig, SapOrders
from raccordo.dev.sap import MockSap
from raccordo.errors import Ambiguous, Missing, Rejected, Undecided
from raccordo.event import derived_id
from sap_counterpart import an_order, sap_config
from stub_http import Asked, Reply, json_reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raccordo.connector import Finding

KEY = derived_id("order")


@pytest.fixture(params=["v2", "v4"])
def preset(request: pytest.FixtureRequest) -> str:
    """Both versions."""
    return str(request.param)


@pytest.fixture
def sap() -> Iterator[MockSap]:
    """A fresh counterpart."""
    with MockSap() as running:
        yield running


def connected(sap: MockSap, preset: str = "v2", **members: Any) -> SapOrders:
    return SapOrders.open(SapConfig.model_validate(sap.settings(preset) | {"timeout": 10} | members))


def problems(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject: f"{finding.detail} {finding.remedy}" for finding in findings if not finding.ok}


async def test_an_order_is_created_once_with_all_its_lines(sap: MockSap, preset: str) -> None:
    """The store has one document, its number is the one that was given back, its items are the lines."""
    async with connected(sap, preset) as orders:
        made = await orders.create_order(an_order(count=8), key=KEY)
        (booked,) = sap.orders()["O-1"]
        assert (booked.document, booked.items) == (made.document, 8)
        read = await orders.get_order(made.document)
    assert (read.document, read.order_id, read.sold_to, read.currency) == (
        made.document,
        "O-1",
        "1000001",
        "EUR",
    )
    assert [item.quantity for item in read.items] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {(item.material, item.unit) for item in read.items} == {("TG11", "PC")}
    assert read.etag


async def test_a_number_that_does_not_exist_is_missing(sap: MockSap, preset: str) -> None:
    """`get_` raises; leading zeros belong to the number."""
    async with connected(sap, preset) as orders:
        with pytest.raises(Missing):
            await orders.get_order("0000000001")


async def test_an_order_that_is_committed_after_we_gave_up_is_not_there_yet(sap: MockSap) -> None:
    """The first look comes too early and finds nothing; a later one finds it: that is what `settle` is for."""
    sap.fail("late", seconds=0.6)
    async with connected(sap, timeout=0.3) as orders:
        with pytest.raises(Ambiguous):
            await orders.create_order(an_order(), key=KEY)
        assert await orders.find_order(an_order(), key=KEY) is None
        while not sap.orders():
            await asyncio.sleep(0.05)
        assert await orders.find_order(an_order(), key=KEY) is not None
    assert len(sap.orders()["O-1"]) == 1


async def test_the_same_number_of_another_customer_is_not_ours(sap: MockSap, preset: str) -> None:
    """Order ids are unique for a customer only."""
    async with connected(sap, preset) as orders:
        await orders.create_order(an_order(customer_id="1000002"), key=KEY)
        assert await orders.find_order(an_order(), key=KEY) is None


async def test_leading_zeros_of_a_customer_number_do_not_matter(sap: MockSap) -> None:
    """SAP writes all-digit numbers without them, and our events with them."""
    async with connected(sap) as orders:
        made = await orders.create_order(an_order(customer_id="1000001"), key=KEY)
        assert await orders.find_order(an_order(customer_id="0001000001"), key=KEY) == made


@pytest.mark.parametrize(
    "other",
    [{"count": 3}, {"lines": [{"line_id": "1", "product": {"sku": "X"}, "quantity": {"value": "1"}}]}],
)
async def test_one_order_under_our_id_with_other_lines_goes_to_a_person(
    sap: MockSap, other: dict[str, Any]
) -> None:
    """Neither ours nor safe to send again."""
    async with connected(sap) as orders:
        await orders.create_order(an_order(**other), key=KEY)
        with pytest.raises(Undecided, match="items"):
            await orders.find_order(an_order(), key=KEY)


async def test_one_order_under_our_id_with_other_quantities_goes_to_a_person(sap: MockSap) -> None:
    """As many lines, and not the same."""
    line = {"product": {"sku": "TG11"}, "quantity": {"value": "5"}}
    async with connected(sap) as orders:
        await orders.create_order(an_order(lines=[{"line_id": "1"} | line, {"line_id": "2"} | line]), key=KEY)
        with pytest.raises(Undecided, match="quantities"):
            await orders.find_order(an_order(), key=KEY)


async def test_an_order_that_does_not_fit_is_refused_without_asking_sap(sap: MockSap) -> None:
    """Nothing leaves."""
    async with connected(sap) as orders:
        with pytest.raises(Rejected, match="takes 35"):
            await orders.create_order(an_order(order_id="O" * 40), key=KEY)
    assert not sap.requests


async def test_an_order_id_cannot_change_the_question(sap: MockSap) -> None:
    """Quotes and ampersands stay inside the literal."""
    async with connected(sap) as orders:
        order = an_order(order_id="O' or 1 eq 1&$top=0#")
        assert await orders.find_order(order, key=KEY) is None
        made = await orders.create_order(order, key=KEY)
        assert await orders.find_order(order, key=KEY) == made


async def test_items_that_sap_added_do_not_count() -> None:
    """Free goods hang below an ordered item."""
    item = {"SalesOrderItem": "10", "HigherLevelItem": "0", "RequestedQuantity": "1.000"}
    added = {"SalesOrderItem": "20", "HigherLevelItem": "000010", "RequestedQuantity": "1.000"}
    second = {"SalesOrderItem": "30", "HigherLevelItem": "", "RequestedQuantity": "2"}
    row = {"SalesOrder": "4711", "PurchaseOrderByCustomer": "o-1", "SoldToParty": "1000001"}

    async def answer(asked: Asked) -> Reply:
        assert "$expand=to_Item" in asked.target
        return json_reply({"d": {"results": [row | {"to_Item": {"results": [item, added, second]}}]}})

    async with serving(answer) as stub, SapOrders.open(sap_config(url=stub.url)) as orders:
        found = await orders.find_order(an_order(), key=KEY)
    assert found is not None
    assert found.document == "4711"


async def test_a_creation_that_names_no_number_is_a_doubt() -> None:
    """Something was made; only a look says what."""

    async def answer(asked: Asked) -> Reply:
        return json_reply({"d": {"SoldToParty": "1"}}, 201) if asked.method == "POST" else json_reply({})

    async with serving(answer) as stub, SapOrders.open(sap_config(url=stub.url)) as orders:
        with pytest.raises(Ambiguous, match="names no number"):
            await orders.create_order(an_order(), key=KEY)


async def test_a_check_names_the_setting_that_mends_each_thing(sap: MockSap) -> None:
    """The published V2 fields against a service that lacks some: field by field, with the variable."""
    config = SapConfig.model_validate(sap.settings() | {"fields": {"item.material": "Matnr"}})
    async with SapOrders.open(config) as orders:
        found = problems(await orders.check())
    assert "A_SalesOrderItemType has no Matnr" in found["field item.material"]
    assert "RACCORDO_SAP_FIELDS" in found["field item.material"]
    assert "field buyer_reference" in found
    assert "field item.texts" in found
    assert "field item.prices" not in found
    assert not sap.writes()


@pytest.mark.parametrize(
    ("change", "subject", "remedy"),
    [
        ({"url": "http://127.0.0.1:9"}, "connection", "RACCORDO_SAP_URL"),
        ({"service": "/sap/opu/odata/sap/NOTHING"}, "metadata", "RACCORDO_SAP_SERVICE"),
        ({"entity_set": "Orders"}, "entity set", "RACCORDO_SAP_ENTITY_SET"),
        ({"client": "200"}, "metadata", "RACCORDO_SAP_CLIENT"),
        ({"user": "robot", "password": "wrong"}, "connection", "RACCORDO_SAP_PASSWORD"),
    ],
)
async def test_a_check_says_what_is_wrong_and_where_to_change_it(
    change: dict[str, Any], subject: str, remedy: str
) -> None:
    """Address, service, entity set, client, credentials."""
    with MockSap(basic_auth="robot:right") as sap:
        good = sap.settings() | {"user": "robot", "password": "right", "timeout": 10}
        async with SapOrders.open(SapConfig.model_validate(good | change)) as orders:
            found = problems(await orders.check())
    assert remedy in found[subject]


async def test_a_check_without_readable_metadata_still_checks_the_rest() -> None:
    """Metadata is a comfort: reading and writing do not need it."""

    async def answer(asked: Asked) -> Reply:
        if "$metadata" in asked.target:
            return Reply(200, {"Content-Type": "application/xml"}, b"<broken")
        return json_reply({"d": {"results": []}}, x_csrf_token="t")

    async with serving(answer) as stub, SapOrders.open(sap_config(url=stub.url)) as orders:
        findings = await orders.check()
    assert [finding.subject for finding in findings if finding.ok] == [
        "sales orders can be read",
        "a token for writes can be had",
    ]
    assert "metadata" in problems(findings)


async def test_client_credentials_are_enough(preset: str) -> None:
    """A token from SAP's own endpoint; ended before its time it is fetched again."""
    with MockSap(oauth="robot:secret") as sap:
        endpoint = f"{sap.url}/sap/bc/sec/oauth2/token"
        sign_in = {"token_url": endpoint, "client_id": "robot", "client_secret": "secret"}
        async with connected(sap, preset, **sign_in) as orders:
            await orders.create_order(an_order(1), key=derived_id("1"))
            sap.revoke_sign_ins()
            await orders.create_order(an_order(2), key=derived_id("2"))
        assert {name: len(found) for name, found in sap.orders().items()} == {"O-1": 1, "O-2": 1}
