//! UpdateTaskQueueConfig: limits of rates and weights of fairness keys, kept on disk.

use host_wire::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::{ConfigMetadata, RateLimitConfig, TaskQueueConfig},
    workflowservice::v1::{
        UpdateTaskQueueConfigRequest, UpdateTaskQueueConfigResponse,
        update_task_queue_config_request::RateLimitUpdate,
    },
};
use prost_types::Timestamp;
use tonic::Status;

use crate::{api::context::Context, error::Error, limits, matching::queue_key::QueueKey};

pub(crate) async fn handle(
    context: &Context,
    request: UpdateTaskQueueConfigRequest,
) -> Result<UpdateTaskQueueConfigResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    check(&request)?;
    let key = QueueKey::new(&request.namespace, &request.task_queue, true);
    let now = context.now().into();
    let config = context.configure_queue(key, |config| change(config, request, now)).await?;
    Ok(UpdateTaskQueueConfigResponse { config: Some(config) })
}

fn check(request: &UpdateTaskQueueConfigRequest) -> Result<(), Error> {
    match request.task_queue_type() {
        TaskQueueType::Activity => {}
        TaskQueueType::Workflow => {
            return Err(Error::invalid("Setting rate limit on workflow task queues is not allowed."));
        }
        TaskQueueType::Nexus | TaskQueueType::Unspecified => {
            return Err(Error::invalid("Only task queues of activities have a configuration."));
        }
    }
    check_rate(request.update_queue_rate_limit.as_ref(), "UpdateQueueRateLimit")?;
    let of_keys = request.update_fairness_key_rate_limit_default.as_ref();
    check_rate(of_keys, "UpdateFairnessKeyRateLimitDefault")?;
    if request.task_queue.is_empty() {
        return Err(Error::invalid("missing task queue name"));
    }
    let unset = &request.unset_fairness_weight_overrides;
    if let Some(both) = unset.iter().find(|key| request.set_fairness_weight_overrides.contains_key(*key)) {
        return Err(Error::invalid(format!("the weight of fairness key {both} is both set and unset")));
    }
    if unset.len() > limits::FAIRNESS_WEIGHTS {
        return Err(Error::invalid("too many fairness weight overrides are unset"));
    }
    Ok(())
}

fn check_rate(update: Option<&RateLimitUpdate>, label: &str) -> Result<(), Error> {
    let rate = update.and_then(|update| update.rate_limit).map_or(0.0, |limit| limit.requests_per_second);
    if rate < 0.0 || rate.is_nan() {
        return Err(Error::invalid(format!(
            "RequestsPerSecond for {label} rate limit must be non-negative."
        )));
    }
    Ok(())
}

fn change(
    config: &mut TaskQueueConfig,
    request: UpdateTaskQueueConfigRequest,
    now: Timestamp,
) -> Result<(), Error> {
    let limit = |update: RateLimitUpdate| RateLimitConfig {
        rate_limit: update.rate_limit,
        metadata: Some(ConfigMetadata {
            reason: update.reason,
            update_identity: request.identity.clone(),
            update_time: Some(now),
        }),
    };
    if let Some(update) = request.update_queue_rate_limit {
        config.queue_rate_limit = Some(limit(update));
    }
    if let Some(update) = request.update_fairness_key_rate_limit_default {
        config.fairness_keys_rate_limit_default = Some(limit(update));
    }
    config.fairness_weight_overrides.extend(request.set_fairness_weight_overrides);
    for key in &request.unset_fairness_weight_overrides {
        config.fairness_weight_overrides.remove(key);
    }
    if config.fairness_weight_overrides.len() > limits::FAIRNESS_WEIGHTS {
        return Err(Error::invalid("too many fairness weight overrides"));
    }
    Ok(())
}
