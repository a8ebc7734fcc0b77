//! What was done to the modules of a data folder: by whom, when, and with what result.

use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Entries that are kept; older ones make room.
const MAX_ENTRIES: i64 = 10_000;

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The user and process that asked for it, or the host where it acted by itself.
    pub who: String,
    /// What was done.
    pub action: AuditAction,
    /// Digests of the modules that served before, or of the run's former module.
    pub from: Vec<String>,
    /// Digest of the module that serves now, or that was refused.
    pub to: String,
    /// Policy of the swap; empty where there is none.
    #[serde(default)]
    pub policy: String,
    /// What else there is to say: the part of new runs that a canary has, or why it ended. Empty where there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The workflow and the run, where it was about one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<AuditedRun>,
    /// The report of the gate, with the verdicts on open runs, once they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

/// The run that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditedRun {
    /// Id of the workflow.
    pub workflow_id: String,
    /// Id of the run.
    pub run_id: String,
    /// Why it moved.
    pub why: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuditAction {
    /// A module took the new runs of its types.
    Swapped,
    /// A module was checked and not taken.
    Refused,
    /// A stored module took the new runs of its types again.
    RolledBack,
    /// The verdicts on the open runs of a swap that did not wait for them.
    Checked,
    /// A run moved to another module because its own failed it.
    Healed,
    /// Runs of one module were allowed to move to another.
    Adopted,
    /// Runs were moved to a module by hand.
    Moved,
    /// A candidate takes a part of the new runs.
    CanaryStarted,
    /// A canary takes a larger part of the new runs.
    CanaryStepped,
    /// A canary takes no new runs any more: by hand, or because it failed too often.
    CanaryStopped,
    /// A canary or a shadow took all new runs of its types.
    Promoted,
    /// A module that a history names was not here, and came from where such modules are fetched from.
    Fetched,
    /// A module that nothing needs was removed.
    Pruned,
    /// A candidate follows live runs.
    ShadowStarted,
    /// A shadow follows live runs no more; with what it found out.
    ShadowStopped,
}

impl AuditEntry {
    /// An entry of this moment.
    #[must_use]
    pub fn now(who: &str, action: AuditAction, from: Vec<String>, to: String) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            time_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            who: who.to_owned(),
            action,
            from,
            to,
            policy: String::new(),
            note: String::new(),
            run: None,
            report: None,
        }
    }

    /// When it was done.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.time_ms)
    }
}

impl AuditAction {
    /// The word that `host modules log` prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Swapped => "swapped",
            Self::Refused => "refused",
            Self::RolledBack => "rolled back",
            Self::Checked => "checked",
            Self::Healed => "healed",
            Self::Adopted => "adopted",
            Self::Moved => "moved",
            Self::CanaryStarted => "canary",
            Self::CanaryStepped => "canary step",
            Self::CanaryStopped => "canary ends",
            Self::Promoted => "promoted",
            Self::Fetched => "fetched",
            Self::Pruned => "pruned",
            Self::ShadowStarted => "shadow",
            Self::ShadowStopped => "shadow ends",
        }
    }
}

/// Writes an entry.
pub(super) fn write(database: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    host_telemetry::MODULE_ACTIONS.count([entry.action.name()]);
    // An entry consists of texts and numbers, which have a JSON form.
    let text = serde_json::to_string(entry).unwrap_or_default();
    database.execute("INSERT INTO audit (entry) VALUES (?1)", [text])?;
    database
        .execute("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1", params![MAX_ENTRIES])?;
    Ok(())
}

/// The latest entries, the earliest first.
pub(super) fn read(database: &Connection, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = database.prepare_cached("SELECT entry FROM audit ORDER BY id DESC LIMIT ?1")?;
    let texts = rows.query_map([limit], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    // An entry that a later version wrote may have an action that this one does not know.
    Ok(texts.iter().rev().filter_map(|text| serde_json::from_str(text).ok()).collect())
}
