"""States to files: the outcome of every row, counted twice, with its reason.

May neither send to LUSID nor read from it.
"""
