"""A simulated pilot city: events of simulated customers, and the truth about them in a file of its own.

Input: a number of customers, a start, a seed, and contacts. Output: `city()` yields one block of columns a day;
`write_city()` writes event files with `truth.jsonl` and `manifest.json`. The equations: docs/simulation.md.

    rules              all rates and shares
    customers          traits and state of the customers
    churn              why and when customers leave and return
    contacts           the effect of a contact
    visits             service visits
    app_activity       app sessions and complaints
    surveys            answers to surveys
    customer_profiles  profiles as the dealers' systems have them
    city               the order of a day
    crm                the agents who work on cases
    blocks             the columns of a day
    line_templates     columns to lines of JSON or CSV
    files              event files, truth and manifest
"""

from streams.simulation.city import City, city
from streams.simulation.files import write_city

__all__ = ["City", "city", "write_city"]
