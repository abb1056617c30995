"""The five-minute demo: a simulated city, a broker, a worker, a simulated CRM that calls customers, and a result page.

run            the steps of the demo
broker         the embedded broker, for the demo only
processes      broker, workers and console as programs that end with the demo (guard)
closed_loop    a day of city and CRM without a broker: messages to the CRM, its calls to the city, the events of both
pacing         the closed loop through the topics, a day at a time, in step with the worker
console        the console beside it, whose pages become files at the end (saved_pages)
topic_watcher  keeps the records of the topics while the worker runs
terminal       progress on a terminal, or as plain lines
ground_truth   cases against the truth that only the simulator knows: who left, and when
case_outcomes  outcomes of the cases, by tier and by the delay of the call
tables         these outcomes as tables, for the terminal and the page
page           the page (drawn by streams/page)
"""
