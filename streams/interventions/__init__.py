"""Rules about one customer or one case: does a case open, may a message be sent, with which action, how does it end?

In come probabilities, a customer's columns, attributes and contacts; out go new columns, messages, updates, and for
what is withheld the rule that refused it. Pure: instants are arguments, all figures come from a profile.

    opening              when a case opens: crossing, hysteresis, cool-down, tenure; for many customers at once
    gate                 the contact rules: what may be sent to whom, by which channel, when
    actions              cause, segments and lifecycle group of a customer, and the action that follows
    message              the message of an intervention: tier, window, action, expected value
    touches              automated touches: the medium tier and the touch points
    case_states          states and transitions of a case as one table
    case                 the fields of a case
    deadlines            the deadlines of a case
    lifecycle            outcomes, retention events and deadlines applied to a case; updates for the CRM
    customer_attributes  what customer profiles say, each combination stored once
    dispatcher           budgets and teams shared by all partitions
    stop_loss            the saved share of judged cases, by policy version

For a new contact rule: a function in `gate` and a row of its table. For a new state or trigger: `case_states`.
For a new touch point: `touches.SIGNS`, and its name in profile/contact_sections.
"""
