"""What the data is: rows, columns, states, errors, the shapes on the wire. pydantic only; no I/O."""
