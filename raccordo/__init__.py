"""Raccordo joins shops, partners and back-office systems by events on Kafka."""

__version__ = "0.1.0"
