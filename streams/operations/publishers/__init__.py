"""The publishers' scorecard behind `keepline publishers list`: read from the topics, so that the workers pay nothing.

scorecard  counts of one producer, record by record
reader     the records of a period, and the dead letters that came of them
page       the scorecards as one HTML file
"""
