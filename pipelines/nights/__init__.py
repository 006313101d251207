"""Several loads in order: a night's folder, a trading day, a range of dates.

Uses single loads only through `load` and `resume`; may not know Prefect.
"""
