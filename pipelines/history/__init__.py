"""What earlier runs say: which there are, how each ended, what replays what, what is old enough to go.

May not send anything.
"""
