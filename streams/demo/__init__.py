"""The five-minute tour: an invented city, a broker, a worker, interventions as they come, and a page to look at.

broker   the embedded broker, for this and nothing else
tour     the steps: simulate, publish, work, watch, tell
watch    what the topics say while the worker runs
screen   the same for a terminal, or as plain lines
story    what became of the cases, with the truth that only a simulator knows
page     the page (drawn by streams/page)
"""
