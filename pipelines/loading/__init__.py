"""A run's life: how it is opened, prepared, sent and closed, and how an interrupt ends it.

May not know flows, nights or the command line.
"""
