"""Several loads in order: a folder's night, a trading day, a range of dates.

Knows loads only by `load` and `resume`; may not know Prefect.
"""
