"""Loads as Prefect runs them. The only room that imports Prefect.

What a load does is never decided here.
"""
