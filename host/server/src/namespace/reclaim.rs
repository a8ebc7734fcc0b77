//! Removes what a deleted namespace had: runs, also from disk, and what was set for it; in the
//! end the namespace itself, whose name is free then. A restart goes on with it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{task::yield_now, time::sleep};
use tonic::Status;

use crate::{error::Error, execution::record::RunNumber, shard::context::ShardContext, storage::Mend};

/// The pause after a step that failed, such as for want of room.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the service is gone, and does not keep it alive while there is nothing to do.
pub(crate) async fn reclaim_namespaces(context: Weak<ShardContext>) {
    let Some((changed, closing)) =
        context.upgrade().map(|context| (context.namespaces_changed().clone(), context.closing().clone()))
    else {
        return;
    };
    loop {
        let mut has_failed = false;
        {
            let Some(context) = context.upgrade() else { return };
            if let Err(status) = reclaim_all(&context).await {
                tracing::warn!(%status, "what a deleted namespace had is removed later");
                has_failed = true;
            }
        }
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| closing) => return,
            () = sleep(PAUSE), if has_failed => {}
            () = changed.notified() => {}
        }
    }
}

/// Removes what all namespaces had that are being deleted.
///
/// # Errors
///
/// When the disk is full, or the service ends.
pub(super) async fn reclaim_all(context: &Arc<ShardContext>) -> Result<(), Status> {
    while let Some(name) = leaving(context) {
        reclaim(context, &name).await?;
    }
    Ok(())
}

fn leaving(context: &ShardContext) -> Option<String> {
    let shard = context.lock();
    shard.executions.namespaces.leaving().map(|namespace| namespace.info.name.clone())
}

async fn reclaim(context: &Arc<ShardContext>, name: &str) -> Result<(), Status> {
    while context.lock().forget_some_runs(name) {
        yield_now().await;
    }
    // With the first portion of its runs, which waits for the same write.
    let (of_settings, of_runs) =
        tokio::join!(context.delete_settings(name), context.mend(Mend::DeleteRuns(name.to_owned())));
    of_settings?;
    of_runs?;
    loop {
        let (reader, namespace) = (context.clone(), name.to_owned());
        if !context.blocking(move || has_runs(&reader, &namespace)).await?? {
            break;
        }
        context.mend(Mend::DeleteRuns(name.to_owned())).await?;
    }
    let removed = context.transition(
        (),
        |_, ()| Ok(()),
        |transition, (), ()| {
            transition.remove_namespace(name);
            Ok::<(), Error>(())
        },
        |shard, _| shard.forget_namespace(name),
    );
    let (_, position) = removed.await?;
    context.on_disk(position).await?;
    tracing::info!(namespace = name, "a namespace is deleted with everything that it had");
    Ok(())
}

fn has_runs(context: &ShardContext, name: &str) -> Result<bool, Status> {
    let mut has_some = false;
    let mut each = |_| {
        has_some = true;
        false
    };
    let read = context.storage().list(name, RunNumber::MAX, &mut each);
    read.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(has_some)
}
