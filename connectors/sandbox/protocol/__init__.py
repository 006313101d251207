"""What all of LUSID's endpoints have in common: calls, batches, exact JSON, filters, problems. Knows no entity."""
