"""Requests that the workers of a Dask cluster send, from where they were prepared, as one process would send them.

The process that loads decides what goes when; workers journal, send and settle. Knows no rows and no files but the
journal, its parts, and what is handed over.
"""
