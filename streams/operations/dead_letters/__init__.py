"""The work list behind `keepline dead-letters`: what was refused, and sending it again after a fix.

letters   dead letters from the topic, chosen by producer, rule and time, and counted
mapping   a TOML file that repairs events: rename a field, name a time zone, divide an amount
redrive   what would be sent and what would be refused again; sends it, each letter once
"""
