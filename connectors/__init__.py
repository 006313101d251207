"""The world outside: extract files, mappings, the LUSID client, run folders, reports, the sandbox."""
