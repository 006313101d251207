"""The world outside: extracts, the LUSID client, run folders and the sandbox. Knows no load."""
