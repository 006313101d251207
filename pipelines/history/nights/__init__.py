"""What earlier nights were: their records, and what is new, still failing and cured since the last one.

Hands its finds on as values; may not render a page or load anything.
"""
