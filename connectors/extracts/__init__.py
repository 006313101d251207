"""Extracts: files, data frames and mappings in, batches of rows out.

May not know LUSID, nor what a column means.
"""
