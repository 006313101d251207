"""Parquet: row groups in, text cells out, the same as a CSV would have.

May not know where an extract's other files are, nor what a column means.
"""
