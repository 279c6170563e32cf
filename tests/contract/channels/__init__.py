"""Each channel against a real HTTP server that checks what the provider documents and answers from a script."""
