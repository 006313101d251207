"""Seeded sample extracts: invented people, accounts and orders of any number, with planted faults."""
