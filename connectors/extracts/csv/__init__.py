"""CSV: bytes in, records out, every fault named by its line.

May not know where an extract's other files are, nor what a column means.
"""
