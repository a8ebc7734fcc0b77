//! The Temporal protocol: messages, service trait and client, protojson.
