"""The portable subset: the operators that every measured runtime loads and computes alike, and how to write the others.

`tests/conformance` measures it; `bridge.portability` names it.
"""
