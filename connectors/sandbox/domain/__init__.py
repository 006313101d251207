"""What the sandbox's entities have in common: shapes, resources, an order's life, arithmetic. Knows no endpoint."""
