"""The demo: an invented city from events to cases on an embedded broker, in minutes."""
