//! What goes on beside the honest workflows.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::Mutex, task::JoinSet, time::sleep};

use crate::{
    client::Client,
    host::{BOMB, Setup},
};

/// What the workflows of hostile modules do; one of the last kind waits, and is asked slow queries.
const KINDS: [&str; 4] = ["loop", "grow", "log-flood", "wait"];
/// How long a hostile workflow is left before it is terminated and the next one starts.
const LEFT_FOR: Duration = Duration::from_secs(10);
/// Between two modules that keep the compiler busy to its limit.
const BETWEEN_BOMBS: Duration = Duration::from_secs(60);
/// Variables and loops of such a module.
const VARIABLES: u32 = 20_000;
const LOOPS: u32 = 20_000;

/// Starts all attacks.
pub(crate) fn attack(setup: &Setup, client: &Client, attacks: &mut JoinSet<()>) {
    for (number, hostile_type) in setup.hostile_types.iter().enumerate() {
        let kind = KINDS[number % KINDS.len()];
        attacks.spawn(workflows(client.clone(), hostile_type.clone(), kind));
    }
    attacks.spawn(bombs(setup.modules.join(BOMB), Arc::clone(&setup.bomb)));
}

async fn workflows(client: Client, hostile_type: String, script: &'static str) {
    for run in 0.. {
        let id = format!("{hostile_type}-{run}");
        if client.start(&hostile_type, &id, script).await.is_err() {
            continue;
        }
        let asks = async {
            loop {
                client.query(&id, "loop").await;
                // What is refused at once is not asked again at once.
                sleep(Duration::from_millis(100)).await;
            }
        };
        if script == "wait" {
            let _ = tokio::time::timeout(LEFT_FOR, asks).await;
        } else {
            sleep(LEFT_FOR).await;
        }
        client.terminate(&id).await;
    }
}

/// Puts modules that take long to compile into the folder that the host watches, each another one.
async fn bombs(path: PathBuf, unchanged: Arc<Mutex<()>>) {
    for number in 0.. {
        let changing = unchanged.lock().await;
        let draft = path.with_extension("draft");
        let written = fs::write(&draft, test_harness::compiler_bomb(VARIABLES + number, LOOPS))
            .and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
        }
        drop(changing);
        sleep(BETWEEN_BOMBS).await;
    }
}
