//! Configurations of task queues, which are kept on disk.

use host_wire::temporal::api::taskqueue::v1::TaskQueueConfig;
use tonic::Status;

use crate::{
    error::Error, limits, matching::queue_key::QueueKey, shard::context::ShardContext, storage::Mend,
};

impl ShardContext {
    /// Changes the configuration of a task queue, and waits until that is on disk; answers the new one.
    ///
    /// # Errors
    ///
    /// When `change` refuses, too many queues have one, the disk is full, or the service ends.
    pub(crate) async fn configure_queue(
        &self,
        key: QueueKey,
        change: impl FnOnce(&mut TaskQueueConfig) -> Result<(), Error>,
    ) -> Result<TaskQueueConfig, Status> {
        let _one_at_a_time = self.changing_settings.lock().await;
        let mut config = {
            let shard = self.lock();
            shard.executions.check_namespace(&key.namespace)?;
            let queues = &shard.queues;
            let config = queues.config(&key).cloned();
            if config.is_none() && queues.config_count() >= limits::TASK_QUEUE_CONFIGS {
                return Err(Error::too_many("task queues with a configuration").into());
            }
            config.unwrap_or_default()
        };
        change(&mut config)?;
        self.mend(Mend::TaskQueue(key.clone(), Box::new(config.clone()))).await?;
        let now = self.now();
        self.lock().queues.configure(key, config.clone(), now);
        Ok(config)
    }
}
