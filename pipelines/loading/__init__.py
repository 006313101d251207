"""The life of a run: opening, preparing, sending, closing, and what an interrupt does.

May not know flows, nights or the command line.
"""
