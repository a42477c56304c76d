"""The catalogue: contracts as other tools and teams read them, and the rule that what was published stays readable.

Generated from the contracts and committed: a JSON Schema per version, an AsyncAPI 3 document, the list of topics.
"""

from __future__ import annotations

from raccordo.catalogue.findings import Finding
from raccordo.catalogue.published import check, export

__all__ = ["Finding", "check", "export"]
