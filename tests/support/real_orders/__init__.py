"""Order documents of third parties expressed as OrderCreated: the proof that the contract carries what they carry.

The documents lie beside the repository in ``../shared/fixtures`` and are not part of it; where they are absent, so are
no real orders. `real_orders` is the short way to the orders; `express` also tells what found no place.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import yaml

from real_orders import bigcommerce, edifact, idoc, orocommerce, peppol, shopify, spryker, x12
from real_orders.document import View, of_xml
from real_orders.edi import edifact as edifact_tree
from real_orders.edi import x12 as x12_tree
from schemas import OrderCreated

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures"
PRESENT = FIXTURES.is_dir()
WHY_ABSENT = "the third-party documents in ../shared/fixtures are not there"

_PEPPOL = "edi/peppol/OpenPEPPOL__poacc-upgrade-3__"
_NSO = "edi/peppol/phax__phive-rules__"
_EDIFACT = "edi/edifact/"
_X12 = "edi/x12/"


class Document(NamedTuple):
    """One document: how it is read, and the module that expresses its syntax."""

    name: str
    file: str
    read: Callable[[Path], Any]
    syntax: ModuleType


class Expressed(NamedTuple):
    """A document as an order, and the paths of what had no place in it."""

    order: OrderCreated
    left: list[str]


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _shopify(path: Path) -> Any:
    return _json(path)["draft_orders"][0]


def _bigcommerce(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    responses = yaml.load(path.read_text(), Loader=loader)["components"]["responses"]  # noqa: S506 - a safe loader

    def example(name: str, which: str) -> Any:
        return responses[name]["content"]["application/json"]["examples"][which]["value"]

    return {
        "order": example("order_Resp", "Response"),
        "products": example("orderProductsCollection_Resp", "response"),
    }


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only


def _xml(path: Path) -> Any:
    return of_xml(ET.parse(path).getroot())  # noqa: S314 - files of our own choice


def _edifact(path: Path) -> Any:
    return edifact_tree(path.read_text("latin-1"))


def _x12(path: Path) -> Any:
    return x12_tree(path.read_text("utf-8-sig"))


DOCUMENTS = (
    Document("shopify", "shopify/rest_fixtures/draft_orders.json", _shopify, shopify),
    Document("spryker-1", "spryker/orders_sample_1.json", _json, spryker),
    Document("spryker-2", "spryker/orders_sample_2.json", _json, spryker),
    Document("bigcommerce", "bigcommerce/orders.v2.oas2.yml", _bigcommerce, bigcommerce),
    Document("orocommerce", "orocommerce/OrderBundle__requests__create_order.yml", _yaml, orocommerce),
    Document("peppol-example", f"{_PEPPOL}Order_Example.xml", _xml, peppol),
    Document("peppol-sc1", f"{_PEPPOL}Order_sc1.xml", _xml, peppol),
    Document("peppol-uc1", f"{_PEPPOL}UC1_Order.xml", _xml, peppol),
    Document("peppol-uc2", f"{_PEPPOL}UC2_Order.xml", _xml, peppol),
    Document("peppol-uc3", f"{_PEPPOL}UC3_Order.xml", _xml, peppol),
    Document(
        "nso-supply",
        f"{_NSO}Caso_d_uso_1_-_Ordine_di_fornitura_con_articoli_numerati.xml",
        _xml,
        peppol,
    ),
    Document("nso-discount", f"{_NSO}Esempio_Ordine_di_Acquisto_con_Sconto_Merce.xml", _xml, peppol),
    Document("nso-gtin", f"{_NSO}Esempio_Ordine_di_Consegna_con_Gestione_Codice_GTIN.xml", _xml, peppol),
    Document("idoc-purchase", "sap_idoc/ORDERS_ORDERS05_p2p.xml", _xml, idoc),
    Document("idoc-small", "sap_idoc/ORDERS_ORDERS05_xml2flat.xml", _xml, idoc),
    Document(
        "edifact-open-trans",
        f"{_EDIFACT}sapstern__edifactconverter__ORDERS_D96A_OPEN_TRANS.edi",
        _edifact,
        edifact,
    ),
    Document(
        "edifact-kramp",
        f"{_EDIFACT}ballerina-platform__edi-tools__resources_d96aORDERS_message.edi",
        _edifact,
        edifact,
    ),
    Document("edifact-d01b", f"{_EDIFACT}sapstern__edifactconverter__ORDERS_D01B.txt", _edifact, edifact),
    Document("edifact-pydifact", f"{_EDIFACT}nerdocs__pydifact__tests_data_order.edi", _edifact, edifact),
    Document("edifact-group", f"{_EDIFACT}xlate__staedi__orders-with-group.edi", _edifact, edifact),
    Document("edifact-books", f"{_EDIFACT}EDIandXML__OBOE__orders", _edifact, edifact),
    Document("x12-aerospace", f"{_X12}kputnam__stupidedi__basic-po.edi", _x12, x12),
    Document("x12-retail", f"{_X12}walmartlabs__gozer__po850.txt", _x12, x12),
    Document("x12-snacks", f"{_X12}apimeister__x12-types__004010_850.edi", _x12, x12),
    Document("x12-small", f"{_X12}indice-co__EDI.Net__x12.850.edi", _x12, x12),
)


@cache
def content(document: Document) -> Any:
    """Read the file of a document once; the answer is not to be changed."""
    return document.read(FIXTURES / document.file)


def express(document: Document) -> Expressed:
    """Read one document, express it, and read the result as strictly as from the wire."""
    source = View(content(document))
    body = pruned(document.syntax.order(source))
    order = OrderCreated.model_validate_json(json.dumps(body), strict=True)
    return Expressed(order, [path for path in source.left() if not _ignored(document.syntax, path)])


def _ignored(syntax: ModuleType, path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in syntax.IGNORED)


def real_orders() -> list[tuple[str, OrderCreated]]:
    """List (document name, order) of all documents; empty where the fixtures are absent.

    Samples of one origin share an order number; the later one gets its document's name behind it, as no customer uses
    a number twice.
    """
    orders: list[tuple[str, OrderCreated]] = []
    seen: set[tuple[str, str]] = set()
    for document in DOCUMENTS if PRESENT else ():
        order = express(document).order
        if (order.customer_id, order.order_id) in seen:
            order = order.model_copy(update={"order_id": f"{order.order_id}/{document.name}"})
        seen.add((order.customer_id, order.order_id))
        orders.append((document.name, order))
    return orders


def pruned(value: Any) -> Any:
    """Take out what is None or empty, and objects that only lost everything but a unit."""
    if isinstance(value, dict):
        kept = {
            name: child for name, each in value.items() if (child := pruned(each)) not in (None, "", {}, [])
        }
        return (
            {}
            if kept.keys() in ({"unit"}, {"kind"}, {"subject"}, {"basis"}, {"language"}, {"charge"})
            else kept
        )
    if isinstance(value, list):
        return [child for each in value if (child := pruned(each)) not in (None, "", {}, [])]
    return value
