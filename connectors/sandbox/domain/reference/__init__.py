"""Reference data: what other requests name and must not find missing. Knows no request that names it.

Each kind is either assumed, and whatever is named of it exists, or only what was seeded or created does.
"""
