"""Makes sample extracts from a seed: any number of invented people, accounts and orders, some rows wrong on purpose."""
