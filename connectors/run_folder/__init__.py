"""The files of a run: its folder, journal, scratch files and results, each of them complete or absent.

May not know what the numbers in them mean, nor who writes them.
"""
