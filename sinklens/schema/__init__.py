"""The shapes of requests and answers, the same at every door: REST, command line and saved files."""
