"""The tests: a package, so that they share the servers and fakes by one name wherever they are run from."""
