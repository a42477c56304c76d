"""A setting that sets nothing is told, with the one that was probably meant."""

from __future__ import annotations

from raccordo.settings import misspelled

KNOWN = ("RACCORDO_SAP_TIMEOUT", "RACCORDO_SAP_URL", "RACCORDO_KAFKA")
BLOCKS = ("RACCORDO_SAP_", "RACCORDO_KAFKA_")


def test_a_misspelled_variable_of_a_block_is_told_with_the_near_one() -> None:
    assert misspelled(["RACCORDO_SAP_TIMEOT", "PATH"], KNOWN, BLOCKS) == [
        "RACCORDO_SAP_TIMEOT: there is no such setting; did you mean RACCORDO_SAP_TIMEOUT?"
    ]


def test_known_variables_and_those_of_other_blocks_are_left_alone() -> None:
    assert misspelled([*KNOWN, "RACCORDO_CRM_URL", "RACCORDO_HOME"], KNOWN, BLOCKS) == []
