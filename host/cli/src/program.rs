//! The program: activities, child processes, and the command line.

use std::process::ExitCode;

use clap::Parser as _;
use guest_sdk_types::DataConverter;
use host_activities::interceptors::{ActivityInboundInterceptor, ActivityOutboundInterceptor};
use host_activities::{Activities, Registry};
use host_nexus::{NexusService, NexusServices};

use crate::{command::CommandLine, exit};

/// A host with the activities and Nexus services of its program.
#[derive(Debug, Default)]
pub struct Host {
    registry: Registry,
    nexus: NexusServices,
    /// The first name that was registered twice. [`Host::main`] reports it, so that `main` stays a chain.
    failed: Option<anyhow::Error>,
}

impl Host {
    /// A host without activities: workers of any language may serve those that its workflows call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the activities of an instance, which all invocations share. A name that is taken is an error
    /// that [`Host::main`] reports.
    #[must_use]
    pub fn activities<A: Activities>(mut self, activities: A) -> Self {
        if let Err(duplicate) = self.registry.register_activities(activities) {
            self.failed.get_or_insert(duplicate.into());
        }
        self
    }

    /// Adds a Nexus service, whose operations the task queues of `host run` serve. A name that is taken is an error that
    /// [`Host::main`] reports.
    #[must_use]
    pub fn nexus_service(mut self, service: NexusService) -> Self {
        if let Err(duplicate) = self.nexus.register(service) {
            self.failed.get_or_insert(duplicate.into());
        }
        self
    }

    /// Adds code around every attempt of an activity. The first one added is the outermost.
    #[must_use]
    pub fn activity_inbound_interceptor<I: ActivityInboundInterceptor>(mut self, interceptor: I) -> Self {
        self.registry.activity_inbound_interceptor(interceptor);
        self
    }

    /// Adds code around every call of an activity to its host. The last one added is the outermost.
    #[must_use]
    pub fn activity_outbound_interceptor<I: ActivityOutboundInterceptor>(mut self, interceptor: I) -> Self {
        self.registry.activity_outbound_interceptor(interceptor);
        self
    }

    /// Has the activities of this program, and its clients, convert values as the workflows do that export the same converter.
    /// The first one counts.
    #[must_use]
    pub fn data_converter(self, converter: DataConverter) -> Self {
        converter.install();
        self
    }

    /// The registry itself, for activities by name and dynamic ones.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Runs the command line of the process. The first and only thing that `main` does: child processes
    /// are this program again, and take over here.
    pub fn main(self) -> ExitCode {
        exit::escape_panics();
        if let Some(duplicate) = self.failed {
            return exit::code(Err(duplicate));
        }
        host_activities::process::child_main(&self.registry);
        if let Some(code) = host_sandbox::compile_child_main() {
            return code;
        }
        let command_line = match CommandLine::try_parse() {
            Ok(command_line) => command_line,
            // Also --help and --version; clap knows where to print and what to return.
            Err(error) => return exit::usage(&error),
        };
        exit::code(run(command_line, self.registry, self.nexus))
    }
}

fn run(command_line: CommandLine, registry: Registry, nexus: NexusServices) -> anyhow::Result<()> {
    command_line.logging.init()?;
    if let Err(error) = host_server::raise_file_limit() {
        tracing::warn!(%error, "failed to raise the limit of open files");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command_line.run(registry, nexus));
    // What still runs was given up, or is an answer that no one waits for.
    runtime.shutdown_background();
    result
}
