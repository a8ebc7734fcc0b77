//! Attribute macros of the guest SDK.
