"""What earlier runs say: which there are, how each ended, what became of a row in each, what is old enough to go.

Rows are asked for in SQL. May not send anything.
"""
