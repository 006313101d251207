"""What happens: the load from extract to report, and all that is built on it. Begin with `pipelines.load`."""
