"""The seeds that come with the package: small functions of our own, with their task as docstring.

`load_seeds` reads these modules as text; they are never imported. A new seed needs full type hints, a
docstring whose prose completes "Write a Python function that ...", and two or three doctest examples.
"""
