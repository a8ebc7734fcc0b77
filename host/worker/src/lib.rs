//! Pollers, run cache, module catalog and replay: joins service, core, sandbox and activities.
