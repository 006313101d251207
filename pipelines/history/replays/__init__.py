"""Replays of a run: which of its rows a corrected file may send again, and what became of them in replays before it.

Reads the runs of a folder and writes what a replay takes. May not send anything.
"""
