//! The RPCs of the protocol, one file for each: from the request to the response.
//!
//! [`service`] dispatches to them. Each gets the [`context::Context`] of its caller.

mod activity_attempt;
pub(crate) mod activity_task;
mod admission;
mod context;
mod count_workflow_executions;
mod deadline;
mod delete_workflow_execution;
mod describe_namespace;
mod describe_task_queue;
mod describe_workflow_execution;
mod get_cluster_info;
mod get_system_info;
mod get_workflow_execution_history;
mod get_workflow_execution_history_reverse;
mod history_page;
mod list_namespaces;
mod list_workflow_executions;
mod long_poll;
mod poll_activity_task_queue;
mod poll_nexus_task_queue;
mod poll_workflow_task_queue;
mod query_task;
mod query_workflow;
mod record_activity_task_heartbeat;
mod record_activity_task_heartbeat_by_id;
mod record_worker_heartbeat;
mod request_cancel_workflow_execution;
mod reset_sticky_task_queue;
mod respond_activity_task_canceled;
mod respond_activity_task_canceled_by_id;
mod respond_activity_task_completed;
mod respond_activity_task_completed_by_id;
mod respond_activity_task_failed;
mod respond_activity_task_failed_by_id;
mod respond_query_task_completed;
mod respond_workflow_task_completed;
mod respond_workflow_task_failed;
pub(crate) mod service;
mod shutdown_worker;
mod signal_with_start_workflow_execution;
mod signal_workflow_execution;
mod start_workflow_execution;
mod terminate_workflow_execution;
mod workflow_task;
