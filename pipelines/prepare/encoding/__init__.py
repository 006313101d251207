"""Rows to encoded requests: patterns, templates, and what fills them in, for a whole batch of rows at once.

Knows validated cells and the builders of requests, and neither files nor the states of rows.
"""
