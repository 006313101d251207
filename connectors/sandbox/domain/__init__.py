"""The entities of the sandbox: their shapes, storing and listing them, the life of an order. Knows no endpoint."""
