"""How a run ended, for people and scripts: report, summary, advice and page.

Works from the values it is given; may not look at other runs.
"""
