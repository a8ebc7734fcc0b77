//! Schedules without a service around them.

mod grammar;
mod policies;
mod random_spec;
mod world;
mod year;
