"""Columns of a batch looked at and changed whole, in native code, where all of their cells are plain.

May not know what a column means; whatever is not plain is left to whoever asks about each cell.
"""
