"""The versions that were served, and the commands that choose among them, for people who answer for the model.

read       versions from the `models` topic or the folder of a replay
send       a command to the learner's log
compare    what two versions have learned differently
screen     all of it on a terminal
"""
