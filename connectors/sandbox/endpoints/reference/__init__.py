"""The calls that read reference data, and the one that defines a property. Loads nothing."""
