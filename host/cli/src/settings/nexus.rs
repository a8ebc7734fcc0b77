//! Nexus handlers at URLs: their calls, and what they report.

use std::{sync::Arc, time::Duration};

use host_http::{Completion, CompletionHandler, NexusClient, Outcome, callback_url};
use host_server::{NexusCall, NexusCalls, NexusOutcome};
use tokio::{sync::Semaphore, task::JoinHandle, time::sleep};

/// Calls of handlers at one time; others wait.
const AT_ONCE: usize = 100;
/// The pause after the service could not say what is to be called.
const PAUSE: Duration = Duration::from_secs(1);

/// Makes the calls of handlers at URLs until the service ends. Handlers report to the HTTP API at the URL `api`; where there
/// is none, they are given no callback.
///
/// # Errors
///
/// When the system's certificates cannot be used.
pub(crate) fn call_handlers(calls: NexusCalls, api: Option<String>) -> anyhow::Result<JoinHandle<()>> {
    let client = NexusClient::new()?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    Ok(tokio::spawn(async move {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match calls.next(|namespace| Some(callback_url(api.as_deref()?, namespace))).await {
                Ok(Some(call)) => {
                    let (client, calls) = (client.clone(), calls.clone());
                    tokio::spawn(async move {
                        make(&client, &calls, &call).await;
                        drop(place);
                    });
                }
                Ok(None) => return,
                Err(status) => {
                    tracing::warn!(%status, "the calls of Nexus handlers at URLs cannot be read; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }))
}

async fn make(client: &NexusClient, calls: &NexusCalls, call: &NexusCall) {
    let answer = client.call(&call.url, &call.request).await;
    // The operation may have ended meanwhile.
    if let Err(status) = calls.answer(call, answer).await {
        tracing::debug!(%status, url = call.url, "the answer of a Nexus handler is not wanted");
    }
}

/// Takes what handlers report.
pub(crate) fn completions(calls: NexusCalls) -> CompletionHandler {
    Arc::new(move |completion| {
        let calls = calls.clone();
        Box::pin(async move {
            let Completion { headers, operation_token, outcome } = completion;
            let outcome = match outcome {
                Outcome::Succeeded(payload) => NexusOutcome::Succeeded(Some(payload)),
                Outcome::Failed(failure) => NexusOutcome::Failed(failure),
                Outcome::Canceled(failure) => NexusOutcome::Canceled(failure),
            };
            calls.complete(headers, &operation_token, outcome).await
        })
    })
}
