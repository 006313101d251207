"""A Dask cluster: connected to, or started on this machine; calls that run there.

Must not know what runs there. Dask is imported here alone, and only where somebody asks for it.
"""
