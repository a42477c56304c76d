"""OData as connectors use it: create, read, list, change, and what the service says about itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from raccordo.errors import Ambiguous, Rejected, Stale
from raccordo.wire.http import (
    Auth,
    Basic,
    Call,
    ClientCredentials,
    HttpClient,
    Reason,
    Request,
    refusal,
    unreadable,
)
from raccordo.wire.http.exchange import NO_HEADERS
from raccordo.wire.odata.csrf import CsrfToken, is_demanded
from raccordo.wire.odata.links import Trail
from raccordo.wire.odata.literals import (
    Value,
    Version,
    all_equal,
    key_predicate,
    path_segment,
    query_string,
    to_json,
)
from raccordo.wire.odata.metadata import Metadata, UnreadableMetadata, parse_metadata
from raccordo.wire.odata.reasons import OUTDATED_REQUEST, is_outdated, reason_of, severe_message
from raccordo.wire.odata.repeatable import Repeatability
from raccordo.wire.odata.shapes import Entity, UnreadableShape, entity_of, json_body, located_key, page_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from raccordo.wire.http import Answer
    from raccordo.wire.odata.settings import ODataConfig

CREATED = 201
NO_CONTENT = 204
CONFLICT = 409
SERVER_ERROR = 500
CHANGE_ATTEMPTS = 3
NO_PARAMETERS: Mapping[str, str] = {}

VERSION_HEADERS: Mapping[Version, Mapping[str, str]] = {
    Version.V2: {"DataServiceVersion": "2.0", "MaxDataServiceVersion": "2.0"},
    Version.V4: {"OData-Version": "4.0", "OData-MaxVersion": "4.0"},
}


@dataclass(frozen=True, slots=True)
class Service:
    """One OData service: the path of its root below the system's address, and its version."""

    root: str
    version: Version


class OData:
    """The kit: one HTTP client, one session, one token for a system. How many call at once is for the line."""

    def __init__(self, config: ODataConfig) -> None:
        self.config = config
        self.http = HttpClient(config.http_settings())
        self.http.auth = self._auth()
        self._csrf = CsrfToken(config.name, self.http.exchange)
        self._repeatability = Repeatability()

    async def start(self) -> None:
        """Open the pools; no byte is sent. Raises ConfigError for certificate files that cannot be used."""
        await self.http.start()

    async def stop(self) -> None:
        """Close the pools. Safe to call twice."""
        await self.http.stop()

    async def create(
        self,
        service: Service,
        entity_set: str,
        fields: Mapping[str, Any],
        *,
        operation: str,
        key: str,
        first_made: datetime,
    ) -> Entity:
        """Create an entity, with those nested in it (deep insert), in one request.

        `key` (32 hex digits) and `first_made` stay the same over every repeat. An answer without a body gives an
        entity with nothing but the `key` that its Location names.

        Raises:
            Rejected: refused, with SAP's code and sentence.
            Ambiguous: perhaps created. `repeatable` says that SAP executes a repeat with this key once.
            Unavailable, Unauthorized: surely not created.
        """
        call = Call(self.config.name, operation, writes=True)
        request = Request(
            call,
            "POST",
            self._address(service, path_segment(entity_set)),
            self._repeatability.headers(key, first_made),
            to_json(fields, service.version).encode(),
        )
        try:
            return self._created(await self._write(service, request), call)
        except Ambiguous as error:
            error.repeatable = _was_lost(error) and self._repeatability.promised(service.root)
            raise

    async def get(
        self,
        service: Service,
        entity_set: str,
        keys: Mapping[str, Value],
        *,
        operation: str,
        parameters: Mapping[str, str] = NO_PARAMETERS,
    ) -> Entity:
        """Read one entity by its key. `parameters` are further query options, such as ``$expand``.

        Raises:
            Missing: there is none.
        """
        call = Call(self.config.name, operation)
        segment = path_segment(entity_set) + path_segment(key_predicate(keys, service.version))
        answer = await self._read(service, call, self._address(service, segment, parameters))
        try:
            entity = entity_of(json_body(answer))
        except UnreadableShape as error:
            raise unreadable(answer, call, str(error)) from error
        self._refuse_if_severe(answer, call, entity.fields)
        return entity

    async def list(
        self,
        service: Service,
        entity_set: str,
        where: Mapping[str, Value],
        *,
        operation: str,
        parameters: Mapping[str, str] = NO_PARAMETERS,
    ) -> AsyncIterator[Entity]:
        """Read all entities whose fields equal `where`, page after page, with one page in memory."""
        call = Call(self.config.name, operation)
        query = {"$filter": all_equal(where, service.version)} if where else {}
        page = self._address(service, path_segment(entity_set), {**query, **parameters})
        trail = Trail(call, page, self.config.page_limit)
        while True:
            answer = await self._read(service, call, page)
            try:
                found = page_of(json_body(answer))
            except UnreadableShape as error:
                raise unreadable(answer, call, str(error)) from error
            self._refuse_if_severe(answer, call, {})
            for entity in found.entities:
                yield entity
            if found.next is None:
                return
            page = trail.following(page, found.next)

    async def update(
        self,
        service: Service,
        entity_set: str,
        keys: Mapping[str, Value],
        change: Callable[[Entity], Mapping[str, Any]],
        *,
        operation: str,
    ) -> Entity:
        """Read an entity, ask `change` for the fields to send (empty: nothing to do), and send them with its ETag.

        Where somebody was quicker it reads again and asks again, three times in all. Returns the entity as last read.

        Raises:
            Stale: somebody was quicker each time.
        """
        segment = path_segment(entity_set) + path_segment(key_predicate(keys, service.version))
        address = self._address(service, segment)
        call = Call(self.config.name, operation, writes=True)
        for attempt in range(1, CHANGE_ATTEMPTS + 1):
            entity = await self.get(service, entity_set, keys, operation=operation)
            fields = change(entity)
            if not fields:
                return entity
            condition = {"If-Match": entity.etag} if entity.etag else NO_HEADERS
            body = to_json(dict(fields), service.version).encode()
            try:
                answer = await self._write(service, Request(call, "PATCH", address, condition, body))
            except Stale:
                if attempt == CHANGE_ATTEMPTS:
                    raise
            else:
                self._refuse_if_severe(answer, call, {})
                return entity
        raise AssertionError  # the last attempt returns or raises

    async def metadata(self, service: Service) -> Metadata:
        """Read what the service says about itself. Nothing but a check depends on it.

        Raises:
            Rejected: what came is no metadata document.
        """
        call = Call(self.config.name, "get_metadata")
        answer = await self._read(service, call, self._address(service, "$metadata"), "application/xml")
        try:
            return await asyncio.to_thread(parse_metadata, answer.body)
        except UnreadableMetadata as error:
            raise Rejected(f"its metadata {error}", system=call.system, operation=call.operation) from error

    async def sign_in(self, service: Service) -> None:
        """Fetch a token for writes without writing anything. Raises what the first write would."""
        await self._csrf.header(self._address(service, ""), self._headers(service))

    async def _read(
        self, service: Service, call: Call, address: str, accept: str = "application/json"
    ) -> Answer:
        answer = await self.http.exchange(Request(call, "GET", address, self._headers(service, accept)))
        self._csrf.notice(answer)
        self._judge(answer, call)
        return answer

    async def _write(self, service: Service, request: Request) -> Answer:
        """Send a write with its token, and once more where only the token was refused: nothing was executed."""
        standing = self._headers(service)
        root = self._address(service, "")
        request = replace(
            request, headers={**standing, **request.headers, "Content-Type": "application/json"}
        )
        token = await self._csrf.header(root, standing) if self.config.csrf else {}
        answer = await self.http.exchange(replace(request, headers={**request.headers, **token}))
        if is_demanded(answer):
            token = await self._csrf.renewed(token, root, standing)
            answer = await self.http.exchange(replace(request, headers={**request.headers, **token}))
        self._csrf.notice(answer)
        self._repeatability.notice(service.root, answer)
        self._judge(answer, request.call)
        return answer

    def _judge(self, answer: Answer, call: Call) -> None:
        """Raise what an answer stands for, where that is not success."""
        reason = reason_of(answer) if not answer.ok or b'"error"' in answer.body[:200] else None
        if call.writes and is_outdated(reason):
            forgotten = Reason(OUTDATED_REQUEST, "it was executed before, and its result is forgotten")
            raise self._about(Ambiguous, call, answer, forgotten)
        error = refusal(answer, call, reason) if reason else refusal(answer, call)
        if error is None and reason is not None:
            error = self._about(Rejected, call, answer, reason)
        if error is not None:
            raise error

    def _created(self, answer: Answer, call: Call) -> Entity:
        """Read a new entity from the answer to its creation."""
        key = located_key(answer.headers.get("location", ""))
        if not answer.body.strip() and key is not None:
            entity = Entity({}, answer.headers.get("etag"), key)
        else:
            try:
                found = entity_of(json_body(answer))
            except UnreadableShape as error:
                raise unreadable(answer, call, str(error)) from error
            entity = Entity(found.fields, found.etag or answer.headers.get("etag"), key)
        self._refuse_if_severe(answer, call, entity.fields)
        return entity

    def _refuse_if_severe(self, answer: Answer, call: Call, fields: Mapping[str, Any]) -> None:
        """Raise where a success comes with a message of severity error.

        A write that names what it created contradicts itself: whether the document exists has to be looked up.
        """
        reason = severe_message(answer, fields)
        if reason is None:
            return
        done = answer.status in (CREATED, NO_CONTENT) or "location" in answer.headers
        raise self._about(Ambiguous if call.writes and done else Rejected, call, answer, reason)

    def _about(
        self, kind: type[Ambiguous | Rejected], call: Call, answer: Answer, reason: Reason
    ) -> Ambiguous | Rejected:
        return kind(
            reason.sentence(),
            system=call.system,
            operation=call.operation,
            status=answer.status,
            code=reason.code or "sap-message",
        )

    def _auth(self) -> Auth:
        endpoint = self.config.token_endpoint()
        if endpoint is not None:
            return ClientCredentials(self.config.name, endpoint, self.http.send)
        return Basic(self.config.user, self.config.password) if self.config.user else Auth()

    def _headers(self, service: Service, accept: str = "application/json") -> dict[str, str]:
        return {**self.config.standing_headers(), **VERSION_HEADERS[service.version], "Accept": accept}

    def _address(self, service: Service, segment: str, parameters: Mapping[str, str] = NO_PARAMETERS) -> str:
        query = query_string({**parameters, **self.config.standing_query()})
        path = f"{self.config.url}/{service.root.strip('/')}/{segment}"
        return f"{path}?{query}" if query else path


def _was_lost(error: Ambiguous) -> bool:
    """Tell a lost answer from one that SAP has given and would only give again."""
    if error.status == CONFLICT or error.reason_code == OUTDATED_REQUEST:
        return False
    return not error.reason_code or (error.status or 0) >= SERVER_ERROR
