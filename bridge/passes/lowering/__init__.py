"""One file an operator family; a file registers its rules when it is imported."""
