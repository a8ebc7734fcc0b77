//! Payloads, failures, retry policies and options, shared by guest and host.
