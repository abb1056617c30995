"""The five-minute tour: an invented city, a broker, a worker, a desk that calls customers, and a page to look at.

broker   the embedded broker, for this and nothing else
tour     the steps: live, work, watch, tell
life     the closed loop without a broker: messages to the desk, its calls to the city, the events of both
pace     the same through the topics, a day at a time, in step with the worker
watch    what the topics say while the worker runs
screen   the same for a terminal, or as plain lines
story    who left, who was seen coming: with the truth that only a simulator knows
cases    what became of the cases: a fold of the messages, by tier and by the delay of the call
tables   the same for reading, on a terminal and on the page
page     the page (drawn by streams/page)
"""
