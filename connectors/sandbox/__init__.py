"""The embedded stand-in for LUSID: a real HTTP server (FastAPI on uvicorn, SQLite behind) for rehearsal and tests.

It is an independent oracle: it imports none of the loader's schemas, keying or wire code (only
`schemas.errors`), so a misreading there cannot agree with itself here. It is never presented as
LUSID: what it does, and whether that is documented or our choice, is the table in docs/sandbox.md.

    server   runs it            app      wires routes      faults   misbehaves on purpose
    calls    a request, an answer        batch    Atomic, Partial, and all or none
    records, accounts                    investors, each with its ROUTES as every part of the API
    orders, moves, cancels, placements, placement_updates, executions, allocation,
    allocation_upserts, booking          the life of an order, one file per call
    blocks, chain                        what those calls agree on: blocks, and what hangs on what
    pro_rata, arithmetic                 the allocation algorithm; decimals that are never rounded
    entities, resources                  things known by identifiers, and by scope and code
    listing, filters                     reading back
    readers, shapes, dates, exact_json   strict reading of what is sent
    store    SQLite             tokens   the token endpoint          problems  problem details
"""
