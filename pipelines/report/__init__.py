"""What a run says of itself: report, summary, advice and page.

Made of values it is handed; may not look at other runs.
"""
