//! Bounds of what a run and a request may be. The protocol's own where it names some.

use std::time::Duration;

/// Longest string of a request, in bytes: ids, types, names of queues and signals, identities, versions, keys of
/// headers and memos. `limit.maxIDLength` of Temporal's server. Longer are only the texts of [`TEXT_BYTES`].
pub(crate) const ID_BYTES: usize = 1_000;
/// Longest id of a message about an update, in bytes: that of the update with what service and worker add.
pub(crate) const MESSAGE_ID_BYTES: usize = ID_BYTES + 64;
/// Longest text for people: reasons, messages and stack traces of failures, errors of queries; also list filters and
/// the deprecated `control`. Failures and errors are cut to it, other texts are refused.
pub(crate) const TEXT_BYTES: usize = 64 * 1024;
/// Most links of a failure and its causes; deeper ones are cut. A decoder takes 100 nested messages, and a stored
/// event has some ten around and below the failure. As many as `guest-sdk` keeps.
pub(crate) const FAILURE_LINKS: usize = 64;
/// Most bytes of a failure that is kept in place of one that exceeds [`BLOB_BYTES`]. `limit.blobSize.warn` of
/// Temporal's server, which does the same.
pub(crate) const CUT_FAILURE_BYTES: usize = 512 * 1024;
/// Most bytes of the failure that the next run of a chain starts with, beside what fills an event otherwise.
pub(crate) const CONTINUED_FAILURE_BYTES: usize = 64 * 1024;
/// Most bytes of the last failure of an activity that is tried again.
/// `limit.mutableStateActivityFailureSize.error` of Temporal's server.
pub(crate) const ACTIVITY_FAILURE_BYTES: usize = 4 * 1024;
/// Longest duration of a request or command, 100 years; longer ones are cut to it. `maxAllowedDuration` of Temporal's
/// server.
pub(crate) const DURATION_SECONDS: i64 = 100 * 365 * 86_400;
/// Most bytes of a request or command that becomes an event, and of what a run hands to its successor. With what the
/// service adds, the event stays below the 4 MiB that gRPC clients accept.
pub(crate) const EVENT_BYTES: usize = 4 * 1024 * 1024 - 256 * 1024;
/// Largest input with its header, and largest result, details or other payloads of one field.
pub(crate) const BLOB_BYTES: usize = host_wire::MAX_PAYLOADS_BYTES;
/// Longest text of a gRPC status. It travels in an HTTP/2 header, percent-encoded, once more in the details.
pub(crate) const STATUS_TEXT_BYTES: usize = 1_024;
/// Most bytes of the details of a gRPC status. Clients take some 8 KiB of headers.
pub(crate) const STATUS_DETAIL_BYTES: usize = 4 * 1024;
/// Most bytes of a failure within the details of a gRPC status.
pub(crate) const STATUS_FAILURE_BYTES: usize = 2 * 1024;
/// Most search attributes of one request or command. `frontend.searchAttributesNumberOfKeysLimit`.
pub(crate) const SEARCH_ATTRIBUTES: usize = 100;
/// Search attributes of one type that a namespace has of its own, so that a list reads a bounded number of them.
pub(crate) const CUSTOM_SEARCH_ATTRIBUTES: usize = 100;
/// Most bytes of the value of one search attribute. `frontend.searchAttributesSizeOfValueLimit`.
pub(crate) const SEARCH_ATTRIBUTE_BYTES: usize = 2 * 1024;
/// Most bytes of all search attributes of a run. `frontend.searchAttributesTotalSizeLimit`.
pub(crate) const ALL_SEARCH_ATTRIBUTES_BYTES: usize = 40 * 1024;
/// Largest memo.
pub(crate) const MEMO_BYTES: usize = 2 * 1024 * 1024;
/// Most events of a run; one with more is terminated.
pub(crate) const HISTORY_EVENTS: usize = 51_200;
/// Most bytes of a run's history; one with more is terminated.
pub(crate) const HISTORY_BYTES: usize = 50 * 1024 * 1024;
/// Most events that wait for a started workflow task to close; with more the task fails and they are flushed.
/// `history.maximumBufferedEventsBatch` of Temporal's server.
pub(crate) const BUFFERED_EVENTS: usize = 100;
/// Most bytes of such events, likewise. `history.maximumBufferedEventsSizeInBytes`.
pub(crate) const BUFFERED_BYTES: usize = 2 * 1024 * 1024;
/// Most bytes that an open run keeps beside its history: buffered events, heartbeats and last failures of activities,
/// memo, search attributes, ids of requests. One with more is terminated. `limit.mutableStateSize.error`.
pub(crate) const STATE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes after which a page ends (histories, lists), so that the answer stays below the 4 MiB that gRPC clients accept.
pub(crate) const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Events from which workers are told to continue as new.
pub(crate) const SUGGEST_CONTINUE_AS_NEW_EVENTS: usize = 4_096;
/// Bytes of history from which workers are told to continue as new.
pub(crate) const SUGGEST_CONTINUE_AS_NEW_BYTES: usize = 4 * 1024 * 1024;
/// Open activities, children, external signals and external cancellations of a run, each.
pub(crate) const PENDING: usize = 2_000;
/// Signals that a run accepts.
pub(crate) const SIGNALS: usize = 10_000;
/// Time for a worker to complete a workflow task, where the start says nothing.
pub(crate) const DEFAULT_WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a workflow task that a start may ask for.
pub(crate) const WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time that an attempt of a workflow task gets which failed before.
pub(crate) const RETRIED_WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(600);
/// Shortest distance of a run from the one it continues, so that a workflow that continues as new
/// for ever does not take a whole core.
pub(crate) const CONTINUE_AS_NEW_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time for which workflow tasks may complete only to ask for another.
pub(crate) const TASK_HEARTBEATS: Duration = Duration::from_secs(1_800);
/// Resets of a parent that the end of its child follows to the run that is open. `maxResetRedirectCount` of Temporal's
/// server.
pub(crate) const RESETS_FOLLOWED: usize = 100;
/// Most bytes of the failure that is kept of an update which a reset admitted and a worker rejected.
pub(crate) const REJECTION_BYTES: usize = 4 * 1024;
/// Points to which a run may be reset that its description names. `history.historyMaxAutoResetPoints`.
pub(crate) const RESET_POINTS: usize = 20;
/// Updates of a run that are admitted or accepted and not completed. `history.maxInFlightUpdates` of Temporal's server.
pub(crate) const UPDATES_IN_FLIGHT: usize = 10;
/// Bytes of the updates of a run that wait for a worker's verdict. `history.maxInFlightUpdatePayloads`.
pub(crate) const UPDATE_BYTES_IN_FLIGHT: usize = 20 * 1024 * 1024;
/// Updates that a run accepts in all. `history.maxTotalUpdates`.
pub(crate) const UPDATES: usize = 2_000;
/// Updates from which workers are told to continue as new: nine tenths of [`UPDATES`].
/// `history.maxTotalUpdates.suggestContinueAsNewThreshold`.
pub(crate) const SUGGEST_CONTINUE_AS_NEW_UPDATES: usize = 1_800;
/// Bytes of the updates that go along with one workflow task, beside a page of its history, so that the answer stays
/// below the 4 MiB that gRPC clients accept. One that is larger goes alone.
pub(crate) const TASK_UPDATE_BYTES: usize = 1024 * 1024;
/// Time for a worker to take a speculative workflow task from the normal queue. It then becomes one as any other.
pub(crate) const SPECULATIVE_TASK_SCHEDULE_TO_START: Duration = Duration::from_secs(5);
/// Most events that a worker got with a speculative workflow task of which nothing remains; it gets them again with the
/// next one. `history.discardSpeculativeWorkflowTaskMaximumEventsCount`.
pub(crate) const DROPPED_TASK_EVENTS: i64 = 10;
/// Actions of a schedule that wait, and backfills, each. `MaxBufferSize` of Temporal's server.
pub(crate) const SCHEDULE_BUFFER: usize = 1_000;
/// Actions of backfills that one step of a schedule takes. `BackfillsPerIteration`.
pub(crate) const SCHEDULE_BACKFILLS_OF_STEP: usize = 10;
/// Distance of such steps, where nothing else paces them.
pub(crate) const SCHEDULE_BACKFILL_INTERVAL: Duration = Duration::from_secs(1);
/// How long before the start of a backfill a time may be that belongs to it, so that the start itself does.
pub(crate) const SCHEDULE_BACKFILL_MARGIN: Duration = Duration::from_millis(1);
/// Times of a spec that one step of a schedule takes: it holds the lock of the service, a time takes some
/// microseconds. What has passed beyond is taken by the next step.
pub(crate) const SCHEDULE_TIMES_OF_STEP: usize = 1_000;
/// How late an action may be taken where the policies say nothing. `DefaultCatchupWindow`.
pub(crate) const SCHEDULE_DEFAULT_CATCHUP_WINDOW: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The least that the policies can ask for. `MinCatchupWindow`.
pub(crate) const SCHEDULE_CATCHUP_WINDOW: Duration = Duration::from_secs(10);
/// How long a schedule is kept that has nothing to do any more. `RetentionTime`.
pub(crate) const SCHEDULE_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Actions that a description shows: the last, and as many to come. `RecentActionCount`, `FutureActionCount`.
pub(crate) const SCHEDULE_RECENT_ACTIONS: usize = 10;
/// The same in a list. `RecentActionCountForList`, `FutureActionCountForList`.
pub(crate) const SCHEDULE_LISTED_ACTIONS: usize = 5;
/// Calendars, exclusions and intervals, each, that a list shows. `SpecFieldLengthLimit`.
pub(crate) const SCHEDULE_LISTED_SPECS: usize = 10;
/// Times that one call lists. `maxListMatchingTimesCount`.
pub(crate) const SCHEDULE_MATCHING_TIMES: usize = 1_000;
/// Bytes of the notes of a schedule. `ScheduleNotesSizeLimit`.
pub(crate) const SCHEDULE_NOTES_BYTES: usize = 1_000;
/// Ids of the last requests that changed a schedule, which are not done again.
pub(crate) const SCHEDULE_REQUEST_IDS: usize = 100;
/// Records of a schedule until one has everything and replaces them: a start reads no more.
pub(crate) const SCHEDULE_RECORDS: usize = 64;
/// Batch operations of a namespace that run at one time. `frontend.MaxConcurrentBatchOperationPerNamespace`.
pub(crate) const BATCHES_RUNNING: usize = 1;
/// Batch operations of a namespace that are kept; the oldest that ended is forgotten for another.
pub(crate) const BATCHES: usize = 10_000;
/// Runs that one batch operation may name. `frontend.MaxExecutionCountBatchOperationPerNamespace`.
pub(crate) const BATCH_EXECUTIONS: usize = 1_000;
/// Operations per second of a batch operation, at most and where it says nothing. `worker.batcherRPS`.
pub(crate) const BATCH_RATE: f64 = 50.0;
/// Runs that a batch operation reads from the list at one time.
pub(crate) const BATCH_PAGE: usize = 1_000;
/// Runs that a batch operation deletes together: deletions wait for the runs' file, which is written every second.
pub(crate) const BATCH_DELETIONS: usize = 50;
/// How often an operation is tried that is refused for the moment. `AttemptsOnRetryableError` of Temporal's server.
pub(crate) const BATCH_TRIES: u32 = 50;
/// Records of a batch operation until one has everything and replaces them: a start reads no more.
pub(crate) const BATCH_RECORDS: usize = 256;
/// Bytes of the name of a worker deployment, and of a build id: half of what the id of the workflow has that Temporal's
/// server runs for a version.
pub(crate) const DEPLOYMENT_NAME_BYTES: usize = 480;
/// Worker deployments of a namespace. `matching.maxDeployments` of Temporal's server.
pub(crate) const DEPLOYMENTS: usize = 100;
/// Versions of a worker deployment. `matching.maxVersionsInDeployment`.
pub(crate) const DEPLOYMENT_VERSIONS: usize = 100;
/// Names of the task queues of a version. `matching.maxTaskQueuesInDeploymentVersion`.
pub(crate) const DEPLOYMENT_QUEUES: usize = 100;
/// Shortest time between two looks at whether runs are pinned to a version, however short they are asked for.
pub(crate) const SHORTEST_DRAINAGE_INTERVAL: Duration = Duration::from_secs(1);
/// Task queues with a configuration of their own.
pub(crate) const TASK_QUEUE_CONFIGS: usize = 10_000;
/// Fairness keys of a task queue whose weights its configuration sets, and of which one request takes weights away. As
/// the protocol says.
pub(crate) const FAIRNESS_WEIGHTS: usize = 1_000;
/// Namespaces of a service.
pub(crate) const NAMESPACES: usize = 1_000;
/// What is kept of a namespace: description, data, bad binaries.
pub(crate) const NAMESPACE_BYTES: usize = 64 * 1024;
/// Shortest retention that a request may ask for. `MinRetentionLocal` of Temporal's server.
pub(crate) const NAMESPACE_RETENTION: Duration = Duration::from_secs(60 * 60);
/// Bad binaries of a namespace. `frontend.maxBadBinaries`.
pub(crate) const BAD_BINARIES: usize = 10;
/// Open Nexus operations of a run. `component.nexusoperations.limit.operation.concurrency` of Temporal's server.
pub(crate) const NEXUS_OPERATIONS: usize = 30;
/// Bytes of the headers of a Nexus operation. `component.nexusoperations.limit.header.size`.
pub(crate) const NEXUS_HEADER_BYTES: usize = 4 * 1024;
/// Bytes of a handler's token of an operation. `component.nexusoperations.limit.operation.token.length`.
pub(crate) const NEXUS_TOKEN_BYTES: usize = 4 * 1024;
/// Time for a worker to take a call of a Nexus handler and to answer it. `component.nexusoperations.request.timeout`.
pub(crate) const NEXUS_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time from the first attempt of such a call that failed to the next; doubled from attempt to attempt.
/// `component.nexusoperations.retryPolicy.initialInterval`.
pub(crate) const NEXUS_FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest such time. `component.nexusoperations.retryPolicy.maxInterval`.
pub(crate) const NEXUS_BACKOFF: Duration = Duration::from_secs(60 * 60);
/// Callbacks of a run. `system.maxCallbacksPerWorkflow`.
pub(crate) const CALLBACKS: usize = 32;
/// Bytes of the headers of a callback. `frontend.callbackHeaderMaxLength`.
pub(crate) const CALLBACK_HEADER_BYTES: usize = 8 * 1024;
/// Bytes of the name of a Nexus endpoint. `limit.endpointNameMaxLength` of Temporal's server.
pub(crate) const ENDPOINT_NAME_BYTES: usize = 200;
/// Bytes of the URL of a Nexus endpoint. `limit.endpointExternalURLMaxLength`.
pub(crate) const ENDPOINT_URL_BYTES: usize = 4 * 1024;
/// Bytes of the description of a Nexus endpoint. `limit.endpointDescriptionMaxSize`.
pub(crate) const ENDPOINT_DESCRIPTION_BYTES: usize = 20_000;
/// Nexus endpoints of a page, at most. `limit.endpointListMaxPageSize`.
pub(crate) const ENDPOINTS_OF_PAGE: usize = 1_000;
/// Nexus endpoints of a page where the request says nothing. `limit.endpointListDefaultPageSize`.
pub(crate) const DEFAULT_ENDPOINTS_OF_PAGE: usize = 100;
/// Nexus endpoints of a service.
pub(crate) const ENDPOINTS: usize = 10_000;
