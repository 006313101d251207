"""Earlier runs: which there are, how each ended, what state a row has in each, and which are old enough to remove.

Rows are queried in SQL. May not send anything.
"""
