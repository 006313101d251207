"""What options take that is more than a word or a number: budgets, business dates, names of feeds.

May know no option and no load.
"""
