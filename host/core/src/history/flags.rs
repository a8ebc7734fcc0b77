//! Core flags: rules that came after the first version. A history without a rule's flag was written before
//! the rule, and is replayed without it.
//!
//! Digests pin guests, not hosts: every change of how core turns commands into history, or back, takes a
//! new flag here.

use host_wire::temporal::api::sdk::v1::WorkflowTaskCompletedMetadata;

use crate::{api::RunConfig, error::Error};

/// A rule, numbered as in sdk-core: the numbers are in histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// Ids and types of activities and child workflows are compared.
    ChecksIdAndType = 1,
    /// A patch marker is followed by an upsert of the search attribute that lists patches.
    UpsertsSearchAttributeOnPatch = 2,
    /// The command that ends a run is moved behind all others; before, those after it were dropped.
    MovesTerminalCommands = 3,
    /// Heartbeats are told from other tasks without commands by what follows them. Newer versions of
    /// sdk-core write it, with the first task of a run.
    TellsHeartbeats = 4,
}

const KNOWN: [Flag; 4] = [
    Flag::ChecksIdAndType,
    Flag::UpsertsSearchAttributeOnPatch,
    Flag::MovesTerminalCommands,
    Flag::TellsHeartbeats,
];

/// The rules by which new tasks are completed, and which are recorded with them.
const WRITTEN: [Flag; 3] =
    [Flag::ChecksIdAndType, Flag::UpsertsSearchAttributeOnPatch, Flag::MovesTerminalCommands];

/// The rules that a run's history was written under.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// Set of bits, by the numbers of flags.
    recorded: u32,
    sdk_name: String,
    sdk_version: String,
}

impl Flags {
    /// Takes the flags and names of a completed task.
    ///
    /// # Errors
    ///
    /// When a flag is not known.
    pub(crate) fn record(
        &mut self,
        event_id: i64,
        metadata: WorkflowTaskCompletedMetadata,
    ) -> Result<(), Error> {
        for flag in metadata.core_used_flags {
            if !KNOWN.iter().any(|known| *known as u32 == flag) {
                return Err(Error::UnknownFlag { event_id, flag });
            }
            self.recorded |= 1 << flag;
        }
        if !metadata.sdk_name.is_empty() {
            self.sdk_name = metadata.sdk_name;
        }
        if !metadata.sdk_version.is_empty() {
            self.sdk_version = metadata.sdk_version;
        }
        Ok(())
    }

    /// Whether a rule holds. What is new follows the newest rules, if the service takes `sdk_metadata` to
    /// record them; what is replayed follows the rules that were recorded.
    pub(crate) fn holds(&self, flag: Flag, is_new: bool, config: &RunConfig) -> bool {
        if is_new { config.writes_sdk_metadata } else { self.recorded & (1 << flag as u32) != 0 }
    }

    /// What a completed task has to record: all rules and names that are not recorded yet.
    pub(crate) fn metadata(&mut self, config: &RunConfig) -> WorkflowTaskCompletedMetadata {
        let mut metadata = WorkflowTaskCompletedMetadata::default();
        if !config.writes_sdk_metadata {
            return metadata;
        }
        for flag in WRITTEN {
            if self.recorded & (1 << flag as u32) == 0 {
                self.recorded |= 1 << flag as u32;
                metadata.core_used_flags.push(flag as u32);
            }
        }
        if self.sdk_name != config.sdk_name {
            metadata.sdk_name.clone_from(&config.sdk_name);
        }
        if self.sdk_version != config.sdk_version {
            metadata.sdk_version.clone_from(&config.sdk_version);
        }
        metadata
    }
}
