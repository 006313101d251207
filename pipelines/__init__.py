"""What happens: operations, the load, Prefect flows, the command line."""
