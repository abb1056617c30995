"""A smaller job in other frameworks, as their users would write it: count, sum and last event of each customer.

Each runs in a process of its own, reads the topic of app activity from its beginning, ends after N records and prints
the time of the records after the first on its last line: {"records", "wall_s", "cpu_s"}.
"""
