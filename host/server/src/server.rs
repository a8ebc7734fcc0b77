//! The service as the rest of the program has it: opened on a folder, called in the process or
//! over the network.

use std::{path::Path, sync::Arc};

use host_service::{WorkflowService, operator_service_server::OperatorService};

use crate::{
    api::{nexus_calls::NexusCalls, open::Service},
    background::Background,
    environment::{Clock, Environment},
    grpc::{self, GrpcCalls, Listener, ServeError},
    options::Options,
    storage::{self, Opened, Problem, SqliteStorage, StorageError},
    time_skipping::TimeControl,
};

/// Sets aside what is damaged in a data folder that no process uses: damaged runs, and entries of the log of which it
/// is not known whose they are. They go to the table `set_aside` of `runs.sqlite`. Answers what was set aside.
///
/// With `accept_loss`, a damaged write-ahead log is renamed, and a log that ends too early is accepted.
///
/// # Errors
///
/// When the folder is not there or in use, or the damage is of another kind.
pub fn repair_folder(folder: &Path, accept_loss: bool) -> Result<Vec<Problem>, StorageError> {
    storage::repair_folder(folder, accept_loss, Clock::system().now())
}

/// The embedded service, open.
#[derive(Debug)]
pub struct Server {
    service: Service,
    background: Background,
}

impl Server {
    /// Opens the service on a data folder, which is made if it is not there, and brings back every
    /// run that is in it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, another process uses it, or what is in it is damaged.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, which is where timers run.
    pub fn open(data_dir: &Path, options: Options) -> Result<Self, StorageError> {
        let mut environment = Environment::of_the_machine();
        if options.time_skipping {
            environment = environment.with_time_skipping();
        }
        Ok(Self::start(SqliteStorage::open(data_dir)?, options, environment))
    }

    /// Starts the service on open storage.
    pub(crate) fn start(opened: Opened, options: Options, environment: Environment) -> Self {
        let service = Service::new(opened, options, environment);
        let background = Background::start(service.shard());
        Self { service, background }
    }

    /// The service for callers in this process: a call is a method call.
    #[must_use]
    pub fn service(&self) -> Arc<dyn WorkflowService> {
        Arc::new(self.service.in_process())
    }

    /// The calls of people who run the service, for callers in this process: search attributes, Nexus endpoints, the
    /// deletion of namespaces.
    #[must_use]
    pub fn operator(&self) -> Arc<dyn OperatorService> {
        Arc::new(self.service.operator())
    }

    /// The service as callers over the network have it, without the network.
    #[cfg(test)]
    pub(crate) fn service_of_others(&self) -> Arc<dyn WorkflowService> {
        Arc::new(self.service.clone())
    }

    /// The time of a service that was opened with [`Options::time_skipping`].
    #[must_use]
    pub fn time_control(&self) -> Option<TimeControl> {
        self.service.shard().time_skipping().cloned().map(TimeControl)
    }

    /// Serves gRPC on a listener until `end` resolves and open calls are answered.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub fn serve(
        &self,
        listener: Listener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Result<(), ServeError>> + Send + 'static {
        grpc::serve(self.service.clone(), listener, Box::pin(end))
    }

    /// The service for what brings requests of gRPC from elsewhere than a listener, such as the HTTP API: as callers over the
    /// network have it.
    #[must_use]
    pub fn grpc_calls(&self) -> GrpcCalls {
        GrpcCalls::new(&self.service)
    }

    /// The calls of Nexus handlers at URLs, for what makes them; of a service that was opened with [`Options::nexus_urls`].
    #[must_use]
    pub fn nexus_calls(&self) -> NexusCalls {
        NexusCalls::new(&self.service)
    }

    /// Makes open polls return; whatever comes after is still answered.
    pub fn close(&self) {
        self.service.close();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.close();
        self.background.abort();
    }
}
