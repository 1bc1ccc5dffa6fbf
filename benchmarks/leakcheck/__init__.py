"""Looks for what the time of a decision tells about codes, the way dudect does (Reparaz and others, 2016).

Every class of entry is timed against an unknown code, in random order within each block, on several tables
with keys of their own. A difference counts when it is significant, large enough to matter, and there again
on most tables and in a second run. Verifiers that are known to leak are timed beside it: a run that does not
catch them has shown nothing.
"""
