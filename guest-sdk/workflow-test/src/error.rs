//! Why an environment does not start.

/// Why an environment does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment was started outside of `cargo test`, which says which crate is tested.
    #[error("{0} is not set: start the test with cargo, or name the module with `Builder::module`")]
    NotCargo(&'static str),
    /// The crate does not compile as a module.
    #[error("{0}")]
    Build(#[from] guest_build::Error),
    /// A file or folder cannot be used.
    #[error("{what}")]
    Io {
        /// What failed.
        what: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The sandbox does not start.
    #[error("failed to start the sandbox")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The module cannot be run.
    #[error("failed to load the module")]
    Module(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The service does not start.
    #[error("failed to start the service")]
    Service(#[from] host_server::StorageError),
    /// The service has no time of its own.
    #[error("the service does not skip time")]
    NoTime,
    /// The worker does not start.
    #[error("failed to start the worker")]
    Worker(#[from] host_worker::StartError),
    /// Two activities have one name.
    #[error(transparent)]
    Activity(#[from] host_activities::DuplicateActivity),
    /// Two Nexus services, or two operations of one, have one name.
    #[error(transparent)]
    Operation(#[from] host_nexus::DuplicateOperation),
}
