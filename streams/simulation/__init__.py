"""A pilot city that never was: events of simulated customers, and the truth about them kept aside.

In: a number of customers, a start, a seed, and who is called when. Out: `city()` yields one block of columns a
day; `write_city()` writes them as event files with `truth.jsonl` and `manifest.json` beside. The equations:
docs/simulation.md.

To change how often things happen open rules.py; who the customers are, people.py; what makes them leave,
leaving.py; what a call does, contacts.py; what they do in a day, visits.py, app.py and surveys.py; what the
dealers' files say of them, profiles.py; how the desk works that calls them, crm.py; what a line looks like, lines.py.
"""

from streams.simulation.city import City, city
from streams.simulation.files import write_city

__all__ = ["City", "city", "write_city"]
