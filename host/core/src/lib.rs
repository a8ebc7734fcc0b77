//! The workflow state machines: history events to jobs, commands checked against events.
