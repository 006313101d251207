"""Rows to requests: every row is read, validated and keyed, every request written down.

Sends nothing and knows no HTTP.
"""
