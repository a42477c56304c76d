"""`raccordo publish` from a shell onto a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hostile import encoded, order
from raccordo.broker import Topic
from raccordo.broker.kafka import connect
from raccordo.broker.settings import KafkaSettings

if TYPE_CHECKING:
    from raccordo.dev.choice import Broker

pytestmark = pytest.mark.kafka


async def test_a_pipe_of_orders_reaches_the_topic(
    kafka: Broker, unique: str, pytestconfig: pytest.Config
) -> None:
    """Every acknowledged event is on the topic, and the command ends with 0."""
    settings = KafkaSettings(bootstrap=kafka.bootstrap, namespace=f"{unique}.")
    admin = connect(settings).admin()
    await admin.create([Topic("ordini_creati", 3)])
    orders = b"\n".join(encoded(order(order_id=str(number))) for number in range(50))
    command = [sys.executable, "-m", "raccordo", "publish", "ordini_creati", "-", "--json"]
    environment = {
        **os.environ,
        "RACCORDO_KAFKA": kafka.bootstrap,
        "RACCORDO_KAFKA_NAMESPACE": f"{unique}.",
        "RACCORDO_TENANTS": "acme",
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=pytestconfig.rootpath,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate(orders)
    assert process.returncode == 0, (out, err)
    assert json.loads(out)["published"] == 50
    assert sum((await admin.end_offsets("ordini_creati")).values()) == 50
    await admin.stop()


def test_a_broker_that_is_away_ends_with_3_and_a_sentence(pytestconfig: pytest.Config) -> None:
    """Nobody waits for ever, and nobody reads a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "raccordo", "publish", "ordini_creati", "-"],
        cwd=pytestconfig.rootpath,
        env={**os.environ, "RACCORDO_KAFKA": "127.0.0.1:1", "RACCORDO_KAFKA_START_DEADLINE": "1"},
        input=encoded(order()),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert b"127.0.0.1:1" in done.stderr
    assert b"Traceback" not in done.stderr
