"""Several processes, of this machine or of a Dask cluster, that prepare one extract, a portion each.

Knows no HTTP, and nothing of how a row becomes a request, which is `portion`'s business.
"""
