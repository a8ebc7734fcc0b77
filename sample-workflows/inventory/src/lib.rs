//! Sample workflow.
