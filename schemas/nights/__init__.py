"""Nights: what night.yaml may say, and what a night leaves on disk.

Plain data and its checks; may do no I/O and know no operation by name.
"""
