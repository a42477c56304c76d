"""How much of something: a number and a unit of UN/ECE Recommendation 20."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from raccordo.event import ValueObject
from raccordo.scalars import Positive

UnitCode = Annotated[str, Field(pattern="^[A-Z0-9]{2,3}$")]
"""A code of UN/ECE Recommendation 20 or 21: C62 one, EA each, KGM kilogram, MTR metre, LTR litre, XBX box.

The form is checked, and not the list: it has some 2,100 codes and grows twice a year, partners send withdrawn
ones (PCE), and a unit that the receiving system does not know has to be refused there, with the order and the
line. What the form keeps out are words and local abbreviations: ``kg``, ``Stk``, ``pieces``.
"""

PIECE: UnitCode = "C62"


class Quantity(ValueObject):
    """A positive number of units."""

    value: Positive
    """How many units; fractions are allowed."""
    unit: UnitCode = PIECE
    """The unit code of UN/ECE Recommendation 20; C62 is one piece."""
