"""Seeded sample extracts: people, accounts and orders of any number, with planted faults."""
