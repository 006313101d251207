"""The parts that all of LUSID's endpoints share: calls, batches, exact JSON, filters, problems. Knows no entity."""
