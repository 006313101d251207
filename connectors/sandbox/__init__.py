"""The embedded stand-in for LUSID: a real HTTP server (FastAPI on uvicorn, SQLite behind) for rehearsal and tests.

Imports nothing of the project but its errors, so that it cannot agree with the loader by accident.
"""
