"""The code that runs inside the jail: zygote, forked children and what they share with the judge.

The worker sends these modules' compiled code to a fresh interpreter, so nothing of the project is on the
jail's disk. They import the standard library and each other, nothing else.
"""
