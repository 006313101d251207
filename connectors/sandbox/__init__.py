"""The embedded stand-in for LUSID: a real HTTP server (FastAPI on uvicorn, SQLite behind) for rehearsal and tests.

It is an independent oracle: it imports none of the loader's schemas, keying or wire code (only
`schemas.errors`), so a misreading there cannot agree with itself here. It is never presented as
LUSID: what it does, and whether that is documented or our choice, is the table in docs/sandbox.md.

    server   runs it            app      wires routes      faults   misbehaves on purpose
    calls    a request, an answer        batch    Atomic and Partial of keyed requests
    records, accounts, orders            one file per part of the API, each with its ROUTES
    entities identifiers, updates        listing, filters  reading back
    readers, shapes, dates, exact_json   strict reading of what is sent
    store    SQLite             tokens   the token endpoint          problems  problem details
"""
