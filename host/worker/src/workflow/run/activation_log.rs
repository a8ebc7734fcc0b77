//! What each activation brings to a guest, as lines of the log at level `trace`: where a replay differs from the run,
//! they say which activation saw something else. Jobs are named and hashed, because their payloads are the user's.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use host_sandbox::Activation as Circumstances;
use host_sandbox::wit::workflow::host::activation::{Job, Task};

use crate::convert::RunIdentity;

/// The target of the lines, for `--log-level`.
const TARGET: &str = "host_worker::activation";

/// Logs an activation: the `number` of the call into the guest, from 1, and the `seed` of a run that starts with it. The
/// lines of a run with one number agree but for `replaying`, once the workflow task of the activation has completed.
pub(super) fn write(
    identity: &RunIdentity,
    number: u64,
    seed: Option<u64>,
    task: &Task,
    circumstances: &Circumstances,
) {
    if !tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        return;
    }
    // Without `..`, so that a new field does not compile until it is shown here.
    let Task {
        time,
        history_length,
        history_size,
        continue_as_new_suggested,
        continue_as_new_reasons,
        target_deployment_version_changed,
        deployment_version,
        jobs,
    } = task;
    // A live run records its patches, where a replay finds them in the history: `patches` is the way there.
    let Circumstances { replaying, patches: _, new_random_seed } = circumstances;
    let jobs: Vec<_> = jobs.iter().map(show).collect();
    let saw = format!(
        "time={time} history_length={history_length} history_size={history_size} \
         continue_as_new_suggested={continue_as_new_suggested} reasons={continue_as_new_reasons:?} \
         target_deployment_version_changed={target_deployment_version_changed} \
         deployment_version={deployment_version:?} seed={seed:?} new_random_seed={new_random_seed:?} jobs={}",
        jobs.join(",")
    );
    tracing::trace!(target: TARGET, run_id = identity.run_id, number, replaying, saw, "activation");
}

/// The name of a job and a hash of all its fields.
fn show(job: &Job) -> String {
    let text = format!("{job:?}");
    let name = text.split(['(', ' ', '{']).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{name}#{:08x}", hasher.finish() & 0xffff_ffff)
}
