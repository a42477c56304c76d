"""What one process carries events with: the ledger, the producer, the systems, the clock and the dice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from raccordo.errors import BrokerError, LedgerError, TooLarge
from raccordo.failpoints import failpoint
from raccordo.ledger import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from structlog.typing import FilteringBoundLogger

    from raccordo.broker import Producer
    from raccordo.clock import Clock
    from raccordo.connector import Connector
    from raccordo.flow import Flow
    from raccordo.ledger import Burial, Emission, Ledger
    from raccordo.systems import System
    from raccordo.turn import Ending, Turn

FIRST_STALL: Final = 0.1
LONGEST_STALL: Final = 5.0


@dataclass(slots=True)
class Line:
    """Everything that `carry` needs beside the event and its flow; shared by all lanes of the process.

    `systems` are by name. `give_up_after` is in seconds. `trouble` is the error of the ledger or the broker that
    stops the line now, None while it moves; `unpublished` is what the last publish failed with, if it did.
    """

    ledger: Ledger
    producer: Producer
    systems: Mapping[str, System]
    clock: Clock
    rng: Random
    log: FilteringBoundLogger
    give_up_after: float = 7 * 24 * 3600.0
    trouble: LedgerError | BrokerError | None = field(default=None, init=False)
    unpublished: BrokerError | None = field(default=None, init=False)
    defects_in_a_row: int = field(default=0, init=False)
    _stalls: int = field(default=0, init=False)
    _by_kind: dict[type[Connector[Any, Any]], Connector[Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Index the connectors by class."""
        self._by_kind = {type(system.connector): system.connector for system in self.systems.values()}

    def connector(self, kind: type[Connector[Any, Any]]) -> Connector[Any, Any]:
        """Find the opened connector of a class."""
        return self._by_kind[kind]

    async def publish(self, emissions: Sequence[Emission]) -> None:
        """Publish what was concluded, in order, and mark it; ends when the brokers have it.

        Raises BrokerError or LedgerError: the outbox keeps what was not marked, and publishing it twice is harmless,
        since its ids stay the same.
        """
        if not emissions:
            return
        failpoint("outbox_dispatch")
        try:
            await self._send(emissions)
        except BrokerError as error:
            self.unpublished = error
            raise
        self.unpublished = None
        failpoint("after_dispatch")
        await self.ledger.published([emission.id for emission in emissions], self.clock.now())

    async def _send(self, emissions: Sequence[Emission]) -> None:
        """Wait until the brokers have them; one that they will never take is told and left in the ledger's story."""
        waiting = [(emission, self.producer.send(emission.record)) for emission in emissions]
        for emission, sent in waiting:
            try:
                await sent
            except TooLarge as error:
                self.log.error(  # noqa: TRY400 - the place is here, and a traceback says nothing more
                    "emission_too_large", event_id=emission.id, contract=emission.contract, reason=str(error)
                )

    async def stalled(self, error: LedgerError | BrokerError) -> None:
        """Wait a little because nothing can move, and remember why, so that readiness says so."""
        if self.trouble is None:
            self.log.warning("line_stalled", error_class=error.code, reason=str(error))
        self.trouble = error
        self._stalls += 1
        wait = min(LONGEST_STALL, FIRST_STALL * 2.0 ** min(self._stalls, 16))
        await self.clock.sleep(wait * (0.5 + self.rng.random() / 2))

    def moved(self) -> None:
        """Note that the ledger and the broker are there."""
        if self.trouble is not None:
            self.log.info("line_resumed")
        self.trouble = None
        self._stalls = 0

    def finished(self, turn: Turn, flow: Flow[..., Any], end: Ending) -> None:
        """Note the end of an event; one log line for every end that is not plain success."""
        self.moved()
        if end.state is not State.DEAD:
            self.defects_in_a_row = 0
        if end.state is State.CONFIRMED:
            return
        self.log.warning(
            end.state.value,
            flow=flow.name,
            event_id=turn.event.id,
            correlation_id=turn.event.correlation_id,
            tenant=turn.event.tenant,
            topic=turn.record.partition.topic,
            partition=turn.record.partition.number,
            offset=turn.record.offset,
            error_class=end.error,
        )

    def buried(self, grave: Burial) -> None:
        """Note a record that never became an event."""
        self.moved()
        self.log.warning(
            "dead",
            flow=grave.grant.flow,
            topic=grave.record.partition.topic,
            partition=grave.record.partition.number,
            offset=grave.record.offset,
            error_class=grave.error,
            reason=grave.reason,
        )
