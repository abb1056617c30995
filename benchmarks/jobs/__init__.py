"""What users of other frameworks would write for a visibly smaller job: count, sum and last event of each customer.

Each is run as a process of its own, reads the topic of app activity from its beginning, ends after so many records and
says on its last line what the records after the first one took: {"records", "wall_s", "cpu_s"}.
"""
