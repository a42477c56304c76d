"""XML from another system, read so that it cannot reach files or the network, nor grow in memory."""

from __future__ import annotations

from lxml import etree


class UnsafeXml(ValueError):
    """The document is not XML, or is more than a plain document."""


def parse_xml(document: bytes) -> etree._Element:
    """Parse a document without a document type, entities or network access.

    Raises:
        UnsafeXml: not well-formed, too large or deep for libxml2's own limits, or with a DOCTYPE.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    if b"<!DOCTYPE" in document or _is_wide(document):
        # Where no document type is read no entity is defined, so nothing can be expanded.
        raise UnsafeXml("has a document type or a wide encoding")
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise UnsafeXml("is not well-formed XML") from error


def _is_wide(document: bytes) -> bool:
    """Tell whether the document is in UTF-16 or UTF-32, where a DOCTYPE would not be seen as bytes."""
    return b"\x00" in document[:64]
