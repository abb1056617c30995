"""The served versions, and the commands that choose among them, for owners of the model.

reader     versions from the `models` topic or the folder of a replay
send       sends a command to the learner's log
compare    differences between two versions
terminal   all of it on a terminal
"""
