"""What a run leaves on disk: its folder, journal, scratch files and results, each there whole or not at all.

May not know what the numbers in them mean, nor who writes them.
"""
