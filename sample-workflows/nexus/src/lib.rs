//! Nexus: a shop takes goods back and asks the payments team for the money. That team offers two operations and keeps its
//! workflows to itself: what a refund costs is answered at once, and a refund is the run of a workflow.
//!
//! The shop knows the name of an endpoint, which an operator makes:
//!
//! ```sh
//! host operator nexus endpoint create --name payments --target-namespace default --target-task-queue payments
//! ```

use std::time::Duration;

use guest_sdk::{
    CancellableFuture as _, NexusOperation, NexusOperationOptions, TimerResult, WorkflowContext,
    WorkflowResult, WorkflowTermination, select, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// Name of the service and of its two operations.
const PAYMENTS: &str = "payments";
const QUOTE: &str = "quote";
const REFUND: &str = "refund";

/// Longest time of an operation, its attempts included.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// An order that comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: u32,
    /// What was paid, in cents.
    pub cents: u64,
}

/// What a customer gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What is paid back, in cents.
    pub cents: u64,
    /// The payment, or none if it took too long and was called off.
    pub payment: Option<String>,
}

/// The shop's workflow: it takes an order back.
#[workflow]
#[derive(Debug, Default)]
pub struct Return;

#[workflow_methods]
impl Return {
    /// Pays an order back through the endpoint of this name. Calls the refund off after so many seconds.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        endpoint: String,
        order: Order,
        seconds: u64,
    ) -> WorkflowResult<Receipt> {
        let quote = ctx.start_nexus_operation::<u64>(&order.cents, operation(&endpoint, QUOTE)).await?;
        let cents = order.cents.saturating_sub(quote.await?);

        let order = Order { cents, ..order };
        let mut refund = ctx.start_nexus_operation::<String>(&order, operation(&endpoint, REFUND)).await?;
        select! {
            payment = refund => return Ok(Receipt { cents, payment: Some(payment?) }),
            _ = ctx.timer(Duration::from_secs(seconds)) => {},
        }
        refund.cancel();
        // It may have been paid all the same.
        Ok(Receipt { cents, payment: refund.await.ok() })
    }
}

/// The payments team's workflow: it pays an order back.
#[workflow]
#[derive(Debug, Default)]
pub struct Refund;

#[workflow_methods]
impl Refund {
    /// Pays. A bank takes its time.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        match ctx.timer(Duration::from_secs(2)).await {
            TimerResult::Fired => Ok(format!("payment-{}", order.number)),
            TimerResult::Cancelled => Err(WorkflowTermination::cancelled()),
        }
    }
}

fn operation(endpoint: &str, operation: &str) -> NexusOperationOptions {
    let operation = NexusOperation {
        endpoint: endpoint.to_owned(),
        service: PAYMENTS.to_owned(),
        operation: operation.to_owned(),
    };
    NexusOperationOptions::new(operation).with_schedule_to_close_timeout(PATIENCE)
}

/// The payments team's operations: for a host's program, which the sandbox does not build.
#[cfg(not(target_family = "wasm"))]
pub fn payments() -> host::nexus::NexusService {
    use host::{client::StartOptions, nexus::NexusService};

    NexusService::new(PAYMENTS)
        .sync_operation(QUOTE, |_, cents: u64| async move { Ok(cents / 50) })
        .workflow_run_operation(REFUND, |context, order: Order| async move {
            // Asked twice, it pays once: the id is taken.
            let id = format!("refund-{}", order.number);
            let options = StartOptions::new(context.task_queue()).workflow_id(id);
            context.start_workflow(Refund::run, order, options).await
        })
}

guest_sdk::export!(Return, Refund);
