//! Activity registry, context and executors.
