"""Answers of both versions, in one shape, or not at all."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raccordo.wire.http import Answer
from raccordo.wire.odata.shapes import UnreadableShape, entity_of, json_body, located_key, page_of


def answer(body: Any, media_type: str = "application/json") -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, {"content-type": media_type}, raw)


def test_a_v2_entity() -> None:
    """Metadata and links that were not expanded are left out, expanded collections are lists."""
    entity = entity_of(
        {
            "d": {
                "__metadata": {"uri": "x", "etag": 'W/"1"'},
                "SalesOrder": "1",
                "to_Item": {"results": [{"__metadata": {}, "Item": "10"}]},
                "to_Partner": {"__deferred": {"uri": "x"}},
                "to_Header": {"__metadata": {}, "A": "b"},
            }
        }
    )
    assert entity.fields == {"SalesOrder": "1", "to_Item": [{"Item": "10"}], "to_Header": {"A": "b"}}
    assert entity.etag == 'W/"1"'


def test_a_v4_entity() -> None:
    """Annotations are left out; numbers keep every digit."""
    body = json_body(
        answer(b'{"@odata.context":"x","@odata.etag":"e","Net":1.10,"_Item":[{"@odata.id":"y","Q":2}]}')
    )
    entity = entity_of(body)
    assert entity.fields == {"Net": Decimal("1.10"), "_Item": [{"Q": 2}]}
    assert str(entity.fields["Net"]) == "1.10"
    assert entity.etag == "e"


def test_pages_of_both_versions() -> None:
    """A list below d, below results, below value; the next link under its name."""
    assert page_of({"d": {"results": [{"A": 1}], "__next": "n", "__count": "7"}}).next == "n"
    assert page_of({"d": [{"A": 1}]}).entities[0].fields == {"A": 1}
    assert page_of({"value": [{"A": 1}], "@odata.nextLink": "n"}).next == "n"
    assert page_of({"value": []}).next is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'"text"',
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    """Cut, deep, not a number, not an object, in another encoding, with numbers that take for ever."""
    with pytest.raises(UnreadableShape):
        json_body(answer(body))


@pytest.mark.parametrize("media_type", ["text/html", "application/xml", "application/atom+xml", "text/json"])
def test_another_content_type_is_refused(media_type: str) -> None:
    """A page that happens to parse is no answer."""
    with pytest.raises(UnreadableShape):
        json_body(answer({}, media_type))


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json;charset=utf-8", "application/vnd.x+json", ""]
)
def test_json_by_any_of_its_names_is_read(media_type: str) -> None:
    """With parameters, with a vendor's suffix, or unnamed."""
    assert json_body(answer({"a": 1}, media_type.upper())) == {"a": 1}


@pytest.mark.parametrize(
    "body", [{}, {"d": None}, {"d": []}, {"d": {"__metadata": {}}}, {"@odata.context": "x"}]
)
def test_an_empty_success_holds_no_entity(body: dict[str, Any]) -> None:
    """Nothing is not a document."""
    with pytest.raises(UnreadableShape):
        entity_of(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["d", "results", "value", "__next", "__metadata", "x"]), inner)
        ),
    )
)
def test_no_shape_crashes_the_reader(body: Any) -> None:
    """Any JSON is an entity or page, or is refused with the one error."""
    if not isinstance(body, dict):
        return
    for read in (entity_of, page_of):
        try:
            read(body)
        except UnreadableShape:
            continue


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("http://h/sap/A_SalesOrder('4711')", "4711"),
        ("SalesOrder(SalesOrder='0004711')", "0004711"),
        ("A%28%27O%27%27Neil%27%29", "O'Neil"),
        ("A(SalesOrder='1',Item='2')", None),
        ("A(12)", None),
        ("", None),
    ],
)
def test_the_key_of_a_new_entity_is_in_its_address(location: str, key: str | None) -> None:
    """One string key, named or not, encoded or not."""
    assert located_key(location) == key
