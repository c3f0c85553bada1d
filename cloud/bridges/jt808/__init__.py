"""JT/T 808: the terminals that Chinese buses already have, and their active-safety alarms (T/JSATL 12).

The standards themselves were not read: layouts are those of public implementations, told apart in the tests by golden
frames. Positions and alarms of a terminal become the same messages as those of our own agent.
"""
