"""Keys go where Java's client puts them."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as aiokafkas_murmur2
from hypothesis import given
from hypothesis import strategies as st

from raccordo.broker.murmur2 import murmur2, partition_for

# org.apache.kafka.common.utils.UtilsTest.testMurmur2, as signed integers
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_it_hashes_as_java_does(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF
    assert partition_for(key, 12) == (signed & 0x7FFFFFFF) % 12


@given(st.binary(max_size=64))
def test_it_agrees_with_aiokafka(key: bytes) -> None:
    assert murmur2(key) == aiokafkas_murmur2(key)
