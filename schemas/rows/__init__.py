"""Rows as they are read: the vocabulary of columns, cell types, header, mapping, and the binding of one to the other.

May not know what goes over the wire, nor where rows come from.
"""
