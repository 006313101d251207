"""Runs loads through Prefect. The only room that imports Prefect.

Decides where a load runs, never what it does.
"""
