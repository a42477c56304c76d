"""The kit against servers that do what SAP's documents describe and its counterpart does not."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from raccordo.errors import Ambiguous, ConnectorError, Missing, Rejected, Stale, Unauthorized, Unavailable
from raccordo.event import derived_id
from raccordo.wire.odata import Entity, OData, ODataConfig, Service, Version
from stub_http import Asked, Reply, Stub, json_reply, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

V2 = Service("/sap/opu/odata/sap/API_SALES_ORDER_SRV", Version.V2)
V4 = Service("/sap/opu/odata4/x/0001", Version.V4)
MADE = datetime(2026, 11, 22, 10, 0, 0, 999, tzinfo=UTC)
CREATED = json_reply({"d": {"SalesOrder": "4711"}}, 201, Location="http://h/A_SalesOrder('4711')")


class Config(ODataConfig, name="kit"):
    """Settings of a system that exists in tests only."""

    settle: float = 1.0

    def standing_query(self) -> Mapping[str, str]:
        """Return a client, as SAP's settings do."""
        return {"sap-client": "100"}


class Gateway:
    """A Gateway that issues tokens and answers writes and reads from lists, the last one for ever."""

    def __init__(self, *writes: Reply | None, reads: tuple[Reply, ...] = ()) -> None:
        self.writes, self.reads = list(writes) or [CREATED], list(reads)
        self.token = 0
        self.fetches = 0
        self.head: Reply | None = None
        self.posts: list[Asked] = []

    async def __call__(self, asked: Asked) -> Reply | None:
        """Answer."""
        if asked.headers.get("x-csrf-token") == "Fetch":
            await asyncio.sleep(0.01)
            if asked.method == "HEAD" and self.head is not None:
                return self.head
            self.fetches += 1
            self.token += 1
            return Reply(200, {"x-csrf-token": f"t{self.token}", "Set-Cookie": f"s={self.token}; path=/"})
        if asked.method == "GET":
            return self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if (
            asked.headers.get("x-csrf-token") != f"t{self.token}"
            or asked.headers.get("cookie") != f"s={self.token}"
        ):
            return Reply(403, {"X-CSRF-Token": "Required"}, b"CSRF token validation failed")
        self.posts.append(asked)
        return self.writes.pop(0) if len(self.writes) > 1 else self.writes[0]


@asynccontextmanager
async def talking(answer: Any) -> AsyncIterator[tuple[OData, Stub]]:
    async with serving(answer) as stub:
        kit = OData(Config.model_validate({"url": stub.url, "timeout": 5}))
        await kit.start()
        try:
            yield kit, stub
        finally:
            await kit.stop()


async def create(kit: OData, number: int = 1, service: Service = V2) -> Entity:
    fields = {"SoldToParty": "1", "to_Item": [{"Material": "TG11"}]}
    key = derived_id(str(number))
    return await kit.create(
        service, "A_SalesOrder", fields, operation="create_order", key=key, first_made=MADE
    )


async def found(kit: OData, **where: Any) -> list[Mapping[str, Any]]:
    return [entity.fields async for entity in kit.list(V2, "A_SalesOrder", where, operation="find_order")]


def failing(status: int, code: str = "", **headers: str) -> Reply:
    return json_reply({"error": {"code": code, "message": {"value": "no"}}}, status, **headers)


async def test_a_write_carries_what_gateway_asks_for() -> None:
    """JSON both ways, the version, the client, the token with its session, and the id under which it is repeatable."""
    gateway = Gateway()
    async with talking(gateway) as (kit, _):
        assert (await create(kit)).fields == {"SalesOrder": "4711"}
    sent = gateway.posts[0]
    assert sent.target == "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?sap-client=100"
    assert sent.headers["content-type"] == sent.headers["accept"] == "application/json"
    assert sent.headers["dataserviceversion"] == "2.0"
    assert sent.headers["requestid"] == derived_id("1").upper()
    assert sent.headers["repeatabilitycreation"] == "2026-11-22T10:00:00Z"
    assert json.loads(sent.body) == {"SoldToParty": "1", "to_Item": [{"Material": "TG11"}]}


async def test_many_first_writes_fetch_one_token() -> None:
    """One task asks, the others wait for it."""
    gateway = Gateway()
    async with talking(gateway) as (kit, _):
        await asyncio.gather(*(create(kit, number) for number in range(6)))
    assert gateway.fetches == 1


async def test_a_lost_session_is_renewed_once_for_all_and_each_write_is_made_once() -> None:
    """A refused token means that nothing was executed: the same write goes again, with the same id."""
    gateway = Gateway()
    async with talking(gateway) as (kit, _):
        await create(kit)
        gateway.token += 1
        await asyncio.gather(*(create(kit, number) for number in range(2, 8)))
    assert gateway.fetches == 2
    assert len(gateway.posts) == 7
    assert len({asked.headers["requestid"] for asked in gateway.posts}) == 7


async def test_a_token_that_is_refused_twice_stops_everything() -> None:
    """No loop: a second refusal is about rights."""

    async def never(asked: Asked) -> Reply:
        token = {"x-csrf-token": "t"} if asked.method != "POST" else {"x-csrf-token": "Required"}
        return Reply(200 if asked.method != "POST" else 403, token)

    async with talking(never) as (kit, stub):
        with pytest.raises(Unauthorized):
            await create(kit)
        assert [asked.method for asked in stub.asked] == ["HEAD", "POST", "HEAD", "POST"]


@pytest.mark.parametrize("head", [Reply(405), Reply(404), Reply(403), Reply(200)])
async def test_a_token_is_asked_for_in_every_known_way(head: Reply) -> None:
    """HEAD is what SAP's own SDK asks with; some systems answer GET only."""
    gateway = Gateway()
    gateway.head = head
    async with talking(gateway) as (kit, _):
        await create(kit)
    assert gateway.fetches == 1


async def test_a_service_without_tokens_is_written_to_without_one() -> None:
    """Where nobody demands a token nobody gives one."""

    async def open_service(asked: Asked) -> Reply:
        return CREATED if asked.method == "POST" else json_reply({})

    async with talking(open_service) as (kit, stub):
        await create(kit)
        assert "x-csrf-token" not in stub.asked[-1].headers


async def test_tasks_that_wait_for_a_token_share_its_failure() -> None:
    """Eight lanes do not wait for eight timeouts one after the other."""

    async def down(asked: Asked) -> Reply:
        await asyncio.sleep(0.02)
        return Reply(503)

    async with talking(down) as (kit, stub):
        results = await asyncio.gather(*(create(kit, number) for number in range(8)), return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}
        assert len(stub.asked) == 1
        with pytest.raises(Unavailable):
            await create(kit)
        assert len(stub.asked) == 2


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(503, {"Retry-After": "5"}), Unavailable),
        (Reply(500), Unavailable),
        (Reply(429), Unavailable),
        (Reply(401), Unauthorized),
        (Reply(403), Unauthorized),
        (Reply(404), Unauthorized),
        (Reply(302, {"Location": "/login"}), Unauthorized),
        (Reply(200, {"Content-Type": "text/html"}, b"<input type=password>"), Unauthorized),
    ],
)
async def test_no_token_means_that_nothing_was_sent(reply: Reply, expected: type[ConnectorError]) -> None:
    """An order never goes to the dead letters because the service root is wrong: every order would."""

    async def answer(asked: Asked) -> Reply | None:
        return None if asked.method == "POST" else reply

    async with talking(answer) as (kit, stub):
        with pytest.raises(expected):
            await create(kit)
        assert all(asked.method != "POST" for asked in stub.asked)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (json_reply({"error": {"code": "V1/302", "message": {"value": "no"}}}, 200), Rejected),
        (
            json_reply(
                {"d": {"SalesOrder": "1"}},
                200,
                sap_message='{"code":"V1/302","message":"no","severity":"error"}',
            ),
            Rejected,
        ),
        (
            json_reply(
                {"d": {"SalesOrder": "1"}},
                201,
                sap_message='{"code":"V1/302","message":"no","severity":"error"}',
            ),
            Ambiguous,
        ),
        (Reply(201), Ambiguous),
        (json_reply({}, 201), Ambiguous),
        (Reply(201, {"Content-Type": "text/html", "Location": "A('1')"}, b"<p>ok</p>"), Ambiguous),
        (Reply(200, {"Content-Type": "text/html"}, b"<form>Logon</form>"), Unauthorized),
        (failing(400, "/IWBEP/CM_COS/005"), Ambiguous),
        (failing(500, "/IWBEP/CM_COS/005"), Ambiguous),
        (failing(409), Ambiguous),
        (None, Ambiguous),
    ],
)
async def test_an_answer_to_a_write_has_its_verdict(
    reply: Reply | None, expected: type[ConnectorError]
) -> None:
    """A success that contradicts itself or cannot be read is a doubt; an error inside a success is an error."""
    async with talking(Gateway(reply)) as (kit, _):
        with pytest.raises(expected) as caught:
            await create(kit)
    assert type(caught.value) is expected
    assert caught.value.operation == "create_order"


async def test_a_warning_beside_a_success_is_no_error() -> None:
    """A date that SAP moved is not a refusal."""
    warning = '{"code":"V1/302","message":"date moved","severity":"warning"}'
    async with talking(Gateway(json_reply({"d": {"SalesOrder": "1"}}, 201, sap_message=warning))) as (kit, _):
        assert (await create(kit)).fields["SalesOrder"] == "1"


async def test_a_creation_without_a_body_is_known_by_its_address() -> None:
    """``Prefer: return=minimal`` and some Gateways answer 201 or 204 with a Location alone."""
    async with talking(Gateway(Reply(204, {"Location": "http://h/SalesOrder('0004711')", "ETag": "e"}))) as (
        kit,
        _,
    ):
        assert await create(kit, service=V4) == Entity({}, "e", "0004711")


async def test_a_repeat_is_safe_only_where_the_service_has_promised_so() -> None:
    """*accepted* is remembered until an answer comes without it."""
    accepted = json_reply({"d": {"SalesOrder": "1"}}, 201, RepeatabilityResult="accepted")
    unsupported = json_reply({"d": {"SalesOrder": "1"}}, 201, RepeatabilityResult="unsupported")
    async with talking(
        Gateway(
            None,
            accepted,
            None,
            Reply(502),
            failing(409),
            failing(400, "/IWBEP/CM_COS/005"),
            unsupported,
            None,
        )
    ) as (kit, _):

        async def doubt() -> bool:
            with pytest.raises(Ambiguous) as caught:
                await create(kit)
            return caught.value.repeatable

        assert await doubt() is False
        await create(kit)
        assert await doubt() is True
        assert await doubt() is True
        assert await doubt() is False  # 409 would only be said again
        assert await doubt() is False  # so would "outdated"
        await create(kit)
        assert await doubt() is False


async def test_a_key_that_is_no_guid_becomes_one() -> None:
    """RequestID has 32 hex digits; the same key gives the same id."""
    gateway = Gateway()
    async with talking(gateway) as (kit, _):
        for _ in range(2):
            await kit.create(V2, "A", {"B": "c"}, operation="o", key="shop-1001", first_made=MADE)
    ids = {asked.headers["requestid"] for asked in gateway.posts}
    assert len(ids) == 1
    assert len(ids.pop()) == 32


async def test_pages_are_followed_as_given() -> None:
    """Relative and absolute links, to the last page."""
    pages = Gateway(reads=())
    async with talking(pages) as (kit, stub):
        pages.reads = [
            json_reply({"d": {"results": [{"A": "1"}], "__next": "A_SalesOrder?$skiptoken=2"}}),
            json_reply({"d": {"results": [{"A": "2"}], "__next": f"{stub.url}/sap/x?$skiptoken=3"}}),
            json_reply({"d": {"results": [{"A": "3"}]}}),
        ]
        assert await found(kit, A="x'y") == [{"A": "1"}, {"A": "2"}, {"A": "3"}]
        first, second, third = (asked.target for asked in stub.asked)
    assert (
        first
        == "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?$filter=A%20eq%20%27x%27%27y%27&sap-client=100"
    )
    assert second == "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?$skiptoken=2"
    assert third == "/sap/x?$skiptoken=3"


async def test_v4_pages_are_followed_too() -> None:
    """The same under the names of V4."""
    pages = [
        json_reply({"value": [{"A": 1}], "@odata.nextLink": "SalesOrder?$skiptoken=2"}),
        json_reply({"value": [{"A": 2}]}),
    ]
    async with talking(Gateway(reads=tuple(pages))) as (kit, _):
        rows = [entity.fields async for entity in kit.list(V4, "SalesOrder", {}, operation="find_order")]
    assert rows == [{"A": 1}, {"A": 2}]


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:9/steal", "//evil.example/x", "https://127.0.0.1/x", "http://[bad/x"]
)
async def test_a_page_on_another_host_is_not_followed(link: str) -> None:
    """Nobody else gets our credentials."""
    async with talking(Gateway(reads=(json_reply({"d": {"results": [], "__next": link}}),))) as (kit, stub):
        with pytest.raises(Unauthorized, match="another host"):
            await found(kit)
        assert len(stub.asked) == 1


async def test_pages_in_a_circle_or_without_end_are_a_failed_read() -> None:
    """A circle is seen at its second round; a spiral at the limit."""
    circle = json_reply({"d": {"results": [], "__next": "A_SalesOrder?$skiptoken=1"}})
    async with talking(Gateway(reads=(circle,))) as (kit, stub):
        with pytest.raises(Unavailable, match="circle"):
            await found(kit)
        assert len(stub.asked) == 2
    count = iter(range(10_000))

    async def spiral(_: Asked) -> Reply:
        return json_reply({"d": {"results": [], "__next": f"A?$skiptoken={next(count)}"}})

    async with talking(spiral) as (kit, stub):
        kit.config = kit.config.model_copy(update={"page_limit": 5})
        with pytest.raises(Unavailable, match="more than 5 pages"):
            await found(kit)
        assert len(stub.asked) == 5


async def test_a_read_that_finds_nothing_is_missing_and_keys_are_encoded() -> None:
    """404 for a key; parentheses and quotes as some servers demand."""
    async with talking(Gateway(reads=(failing(404),))) as (kit, stub):
        with pytest.raises(Missing):
            await kit.get(
                V2,
                "A_SalesOrder",
                {"SalesOrder": "47 11"},
                operation="get_order",
                parameters={"$expand": "to_Item"},
            )
        assert stub.asked[0].target.endswith(
            "/A_SalesOrder%28%2747%2011%27%29?$expand=to_Item&sap-client=100"
        )


async def test_a_change_carries_the_etag_and_decides_anew_when_somebody_was_quicker() -> None:
    """Read, decide, send; at most three times, and never blindly."""
    reads = tuple(
        json_reply({"d": {"__metadata": {"etag": f"e{number}"}, "N": number}}) for number in range(3)
    )
    gateway = Gateway(Reply(412), Reply(428), Reply(204), reads=reads)
    seen: list[Any] = []

    def change(entity: Entity) -> dict[str, Any]:
        seen.append(entity.fields["N"])
        return {"N": 9}

    async with talking(gateway) as (kit, _):
        await kit.update(V2, "A", {"K": "1"}, change, operation="update_order")
    assert seen == [0, 1, 2]
    assert [(asked.method, asked.headers["if-match"]) for asked in gateway.posts] == [
        ("PATCH", f"e{n}") for n in range(3)
    ]


async def test_a_change_that_is_always_too_late_ends() -> None:
    """Three times, then it is for a person; nothing to change sends nothing."""
    gateway = Gateway(Reply(412), reads=(json_reply({"d": {"N": 1}}),))
    async with talking(gateway) as (kit, _):
        with pytest.raises(Stale):
            await kit.update(V2, "A", {"K": "1"}, lambda _: {"N": 2}, operation="update_order")
        assert len(gateway.posts) == 3
        await kit.update(V2, "A", {"K": "1"}, lambda _: {}, operation="update_order")
        assert len(gateway.posts) == 3


async def test_metadata_that_cannot_be_read_is_a_sentence() -> None:
    """Only a check asks for it; its failure stops nothing else."""
    async with talking(Gateway(reads=(Reply(200, {"Content-Type": "application/xml"}, b"<html/>"),))) as (
        kit,
        _,
    ):
        with pytest.raises(Rejected, match="metadata"):
            await kit.metadata(V2)
