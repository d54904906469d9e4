"""The tests, in the shape of the tree they test; a package, so that files of one name do not clash."""
