//! Command line and wiring of the host for sandboxed durable workflows.
