"""Bad input of every kind, for seconds in the tests and for as long as somebody likes: `make fuzz`."""
