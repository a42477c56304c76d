from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hostile import encoded, line, order
from raccordo.broker import Partition, Record, Topic
from raccordo.broker.memory import MemoryBroker
from raccordo.cli import publish

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell

TOPIC = "ordini_creati"


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    """The memory broker instead of Kafka."""
    made = MemoryBroker([Topic(TOPIC, 1)])
    monkeypatch.setattr(publish, "broker", lambda: made)
    return made


@pytest.fixture
def root(request: pytest.FixtureRequest) -> str:
    return str(request.config.rootpath)


def written(broker: MemoryBroker) -> list[Record]:
    return list(broker.logs[Partition(TOPIC, 0)].read(0, 1000))


def file_of(tmp_path: Path, *lines: bytes) -> str:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"\n".join(lines))
    return str(path)


def test_a_file_is_published_and_every_event_told_with_its_correlation_id(
    raccordo: Shell, broker: MemoryBroker, root: str, tmp_path: Path
) -> None:
    """A script can follow each event from here to the ERP."""
    name = file_of(tmp_path, encoded(order()), encoded({"id": "evt-2", "data": order(order_id="4712")}))
    answer = raccordo.json("publish", TOPIC, name, "--app-dir", root)
    assert (answer["published"], answer["distinct"], answer["bad"]) == (2, 2, [])
    assert [dict(record.headers)["ce_id"].decode() for record in written(broker)] == [
        event["id"] for event in answer["events"]
    ]
    assert answer["events"][1] == {"id": "evt-2", "tenant": "default", "correlation_id": "evt-2"}


def test_published_twice_is_a_repeat_and_no_second_order(
    raccordo: Shell, broker: MemoryBroker, root: str, tmp_path: Path
) -> None:
    """The ids are the same, so the line does nothing twice."""
    name = file_of(tmp_path, encoded(order()))
    for _ in range(2):
        assert raccordo("publish", "OrderCreated", name, "--app-dir", root).exit_code == 0
    first, second = written(broker)
    assert dict(first.headers)["ce_id"] == dict(second.headers)["ce_id"]
    assert first.value == second.value


def test_one_bad_line_keeps_the_whole_file_back(
    raccordo: Shell, broker: MemoryBroker, root: str, tmp_path: Path
) -> None:
    """Half a file is worse than none: the error names line, path and what to do."""
    name = file_of(tmp_path, encoded(order()), encoded(line(quantity=None)), b"{]")
    result = raccordo("publish", TOPIC, name, "--app-dir", root)
    assert result.exit_code == 2
    assert written(broker) == []
    assert "line 2: $.lines[1].quantity" in result.stderr
    assert "line 3" in result.stderr
    assert "--skip-bad" in result.stderr
    error = raccordo.json("publish", TOPIC, name, "--app-dir", root, code=2)["error"]
    assert len(error["problems"]) == 2


def test_skip_bad_publishes_the_good_lines_and_still_tells(
    raccordo: Shell, broker: MemoryBroker, root: str, tmp_path: Path
) -> None:
    """Exit code 1: done, and not all was good."""
    name = file_of(tmp_path, encoded(order()), encoded(line(quantity=None)))
    answer = raccordo.json("publish", TOPIC, name, "--app-dir", root, "--skip-bad", code=1)
    assert answer["published"] == len(written(broker)) == 1
    assert answer["bad"][0]["line"] == 2


def test_standard_input_is_read_as_a_file(raccordo: Shell, broker: MemoryBroker, root: str) -> None:
    """A pipe can be checked before anything is published, too."""
    answer = raccordo.json("publish", TOPIC, "-", "--app-dir", root, stdin=encoded(order()))
    assert answer["published"] == len(written(broker)) == 1


def test_the_tenant_has_to_be_a_configured_one(
    raccordo: Shell, broker: MemoryBroker, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenant of the command is that of the events; another one is refused before anything is read."""
    monkeypatch.setenv("RACCORDO_TENANTS", "acme,bolt")
    words = ("publish", TOPIC, "-", "--app-dir", root)
    assert raccordo(*words, "--tenant", "evil", stdin=encoded(order())).exit_code == 2
    assert raccordo(*words, stdin=encoded(order())).exit_code == 2
    assert written(broker) == []
    assert raccordo(*words, "--tenant", "bolt", stdin=encoded(order())).exit_code == 0
    assert written(broker)[0].key == b"bolt:0000100042"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ordini", "-"), "ordini_creati"),
        ((TOPIC, "nowhere.jsonl"), "nowhere.jsonl"),
        ((TOPIC, ""), "cannot be read"),
        (("pagamento_ricevuto", "-"), "raccordo topics apply"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(
    raccordo: Shell, broker: MemoryBroker, root: str, words: tuple[str, ...], said: str
) -> None:
    """An unknown topic, a missing file, a topic that nobody has made."""
    result = raccordo("publish", *words, "--app-dir", root, stdin=b"")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_broker_that_acknowledges_nothing_ends_with_3_and_says_what_to_do(
    raccordo: Shell, broker: MemoryBroker, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes away after the topic was seen; the answer is one JSON value with the error in it."""
    topics = asyncio.run(broker.admin().topics())
    assert TOPIC in topics

    class Leaving(MemoryBroker):
        """A broker that goes away once its first producer is made."""

        def producer(self) -> Any:
            made = super().producer()
            start = made.start

            async def started() -> None:
                await start()
                self.go_down()

            made.start = started  # type: ignore[method-assign]
            return made

    monkeypatch.setattr(publish, "broker", lambda: Leaving([Topic(TOPIC, 1)]))
    answer = raccordo.json(
        "publish", TOPIC, "-", "--app-dir", root, "--patience", "0.1", stdin=encoded(order()), code=3
    )
    assert answer["published"] == 0
    assert "Run the same command again" in answer["error"]["problems"][0]


def test_without_a_broker_in_the_environment_the_variable_is_named(raccordo: Shell, root: str) -> None:
    """RACCORDO_KAFKA is the first thing to set."""
    result = raccordo("publish", TOPIC, "-", "--app-dir", root, stdin=encoded(order()))
    assert result.exit_code == 2
    assert "RACCORDO_KAFKA" in result.stderr
