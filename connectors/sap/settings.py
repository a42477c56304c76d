"""Settings of an SAP system that takes sales orders."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from connectors.sap.preset import PRESETS, ROLES, SAP_UNITS, Place, Preset
from raccordo.wire.odata import ODataConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]*$")]
EdmName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
Codes = dict[str, str]


class SapConfig(ODataConfig, name="sap"):
    """Where SAP is, in which client and language, what its service calls things, and where orders belong."""

    settle: float = Field(
        660.0,
        ge=0,
        description="Seconds after sending an order from which a look that finds nothing counts. A dialog step of SAP "
        "runs up to 600 s (profile parameter rdisp/max_wprun_time as delivered); 60 s are for the way there and back.",
    )
    client: Annotated[str, StringConstraints(pattern=r"^([0-9]{3})?$")] = Field(
        "", description="SAP client of three digits, sent as sap-client; empty: the system's default."
    )
    language: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(
        "EN", description="Language of messages, units and partner functions, sent as sap-language."
    )
    preset: Literal["v2", "v4"] = Field(
        "v2",
        description="Published service: v2 is API_SALES_ORDER_SRV, v4 is CE_SALESORDER_0001 (API_SALESORDER).",
    )
    service: Annotated[str, StringConstraints(pattern=r"^(/[^?#]*)?$")] = Field(
        "", description="Path of the service root, where it differs from the preset's."
    )
    entity_set: EdmName = Field(
        "", description="Entity set of sales orders, where it differs from the preset's."
    )
    fields: dict[str, EdmName] = Field(
        {},
        description='Names that differ from the preset\'s, by role, as JSON: {"item.material": "Material"}. An empty '
        "name: the system has no such field, and it is not sent.",
    )
    order_type: Code = Field("OR", min_length=1, max_length=4, description="Sales order type.")
    order_types: Codes = Field({}, description="Sales order types by the order's own type, as JSON.")
    sales_organisation: Code = Field(
        ..., min_length=1, max_length=4, description="Sales organisation of orders without one."
    )
    distribution_channel: Code = Field(
        ..., min_length=1, max_length=2, description="Distribution channel of orders without one."
    )
    division: Code = Field(..., min_length=1, max_length=2, description="Division of orders without one.")
    payment_terms: Codes = Field(
        {}, description="SAP's payment terms by the order's, as JSON; others are sent as they are."
    )
    shipping_conditions: Codes = Field(
        {}, description="SAP's shipping conditions by the order's shipping method, as JSON."
    )
    units: Codes = Field({}, description="SAP's units by UN/ECE code, as JSON, on top of those as delivered.")
    unece_units: bool | None = Field(
        None,
        description="Whether the unit field takes UN/ECE codes; empty: as the preset has it (v2 no, v4 yes).",
    )
    free_category: Code = Field(
        "TANN", max_length=4, description="Item category of lines that are free of charge."
    )
    price_condition: Code = Field(
        "",
        max_length=4,
        description="Condition type under which the order's prices are sent; empty: SAP finds the prices.",
    )
    text_id: Code = Field("TX01", max_length=4, description="Text id for notes; empty: no texts are sent.")
    text_ids: Codes = Field({}, description="Text ids by the subject of a note, as JSON.")
    partner_functions: Codes = Field(
        {"ship_to": "SH", "bill_to": "BP", "payer": "PY"},
        description="Partner functions in the language of the sign-in, as JSON (German: WE, RE, RG).",
    )

    @field_validator("fields")
    @classmethod
    def _known_roles(cls, fields: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(fields) - set(ROLES)):
            raise ValueError(f"has no role {', '.join(unknown)}; there are: {', '.join(ROLES)}")
        for role in ("document", "order_id", "sold_to", "items", "item.quantity"):
            if fields.get(role) == "":
                raise ValueError(f"{role} cannot be switched off: without it an order cannot be found again")
        return fields

    @field_validator("partner_functions")
    @classmethod
    def _known_parties(cls, functions: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(functions) - {"ship_to", "bill_to", "payer"}):
            raise ValueError(f"has no party {', '.join(unknown)}; there are: ship_to, bill_to, payer")
        return functions

    @cached_property
    def layout(self) -> Preset:
        """The preset with what the settings change in it."""
        preset = PRESETS[self.preset]
        places: dict[str, Place] = {
            role: replace(place, name=self.fields.get(role, place.name))
            for role, place in preset.places.items()
        }
        return replace(
            preset,
            root=self.service or preset.root,
            entity_set=self.entity_set or preset.entity_set,
            places=places,
            units_by_unece=preset.units_by_unece if self.unece_units is None else self.unece_units,
        )

    def sap_unit(self, code: str) -> str:
        """Return SAP's unit for a code of UN/ECE Recommendation 20; a code nobody has mapped is left to SAP."""
        return self.units.get(code) or SAP_UNITS.get(code, code)

    def standing_query(self) -> Mapping[str, str]:
        """Return client and language, which SAP reads from the address."""
        client = {"sap-client": self.client} if self.client else {}
        return {**client, "sap-language": self.language}

    def standing_headers(self) -> Mapping[str, str]:
        """Return the client once more, for links that SAP wrote itself."""
        return {"sap-client": self.client} if self.client else {}
