"""How spreadsheets, databases and people write values: numbers, times, no value at all.

May not know columns, rows or mappings.
"""
