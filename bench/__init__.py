"""Measures the line against a raw aiokafka loop, in one run on one broker: ``make bench``."""
