//! Runs in words: histories, guests and the steps that come of them. A case is a string.

mod activities;
mod cancellation;
mod coverage;
mod field_reports;
mod local_activities;
mod operations;
mod pages;
mod rules;
mod support;
mod tasks;
mod updates;
