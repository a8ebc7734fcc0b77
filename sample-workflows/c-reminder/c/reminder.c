/*
 * The workflow `Reminder`: reminds a person every so many seconds, by the activity `remind`, until the signal `done`.
 * Returns how often it did. The query `reminders` says that of a run that goes on.
 *
 * Arguments: the person, as JSON that is passed on as it is, and the seconds between two reminders, as an integer.
 *
 * There is no SDK here. What one does is in this file: it takes the jobs of a workflow task in their order, remembers what
 * it waits for by sequence numbers, and issues the commands that follow.
 */
#include <stdlib.h>
#include <string.h>

#include "workflow_module.h"

#define NANOSECONDS_PER_SECOND 1000000000ull

/*
 * The state of the run. An instance of the module executes one run, and is made anew from its history when it was dropped;
 * so plain variables do, and nothing else may be observed.
 */
static struct {
    workflow_host_types_payload_t person;
    uint64_t interval;
    uint32_t reminders;
    /* Sequence numbers of what is pending; 0 if there is none. */
    uint32_t timer, activity;
    bool done;
} run;

/* Texts and payloads. What the host takes ownership of, or an export returns, is freed by the bindings: so it is copied. */

static bool is(const workflow_module_string_t *text, const char *expected) {
    return text->len == strlen(expected) && memcmp(text->ptr, expected, text->len) == 0;
}

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        abort();
    }
    return memset(memory, 0, size);
}

static workflow_host_types_payload_t json_copy(const uint8_t *data, size_t length) {
    workflow_host_types_payload_t payload = {0};
    payload.encoding.tag = WORKFLOW_HOST_TYPES_ENCODING_JSON_PLAIN;
    payload.data.ptr = allocate(length);
    payload.data.len = length;
    memcpy(payload.data.ptr, data, length);
    return payload;
}

static workflow_host_types_payload_t json_number(uint32_t number) {
    uint8_t digits[10];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return json_copy(digits + at, sizeof digits - at);
}

/* The integer that the payload is; false if it is none, or does not fit. */
static bool to_seconds(const workflow_host_types_payload_t *payload, uint64_t *seconds) {
    uint64_t value = 0;
    for (size_t at = 0; at < payload->data.len; at++) {
        uint8_t digit = payload->data.ptr[at];
        if (digit < '0' || digit > '9' || value > 1000000000) {
            return false;
        }
        value = value * 10 + (digit - '0');
    }
    *seconds = value;
    return payload->data.len > 0;
}

/* An application failure without type, details and cause. */
static void fail_with(workflow_module_failure_t *failure, const char *message) {
    workflow_host_types_failure_link_t *link = allocate(sizeof *link);
    workflow_module_string_dup(&link->message, message);
    workflow_module_string_dup(&link->source, "c-reminder");
    link->info.tag = WORKFLOW_HOST_TYPES_FAILURE_INFO_APPLICATION;
    failure->ptr = link;
    failure->len = 1;
}

/* Commands. Arguments of imports stay ours, so these borrow. */

static void wait(void) {
    workflow_host_time_timer_options_t options = {0};
    options.start_to_fire_timeout = run.interval;
    run.timer = workflow_host_time_start_timer(&options);
}

static void remind(void) {
    workflow_host_types_payload_t arguments[2] = {run.person, json_number(run.reminders + 1)};
    workflow_host_activities_activity_options_t options = {0};
    workflow_module_string_set(&options.activity_type, "remind");
    options.arguments.ptr = arguments;
    options.arguments.len = 2;
    options.start_to_close_timeout.is_some = true;
    options.start_to_close_timeout.val = 10 * NANOSECONDS_PER_SECOND;
    options.retry_policy.is_some = true;
    options.retry_policy.val.maximum_attempts = 3;
    options.cancellation_type = WORKFLOW_HOST_ACTIVITIES_CANCELLATION_TYPE_TRY_CANCEL;
    run.activity = workflow_host_activities_schedule(&options);
    workflow_host_types_payload_free(&arguments[1]);
}

static void complete(void) {
    workflow_host_types_payload_t result = json_number(run.reminders);
    workflow_host_workflow_complete(&result);
    workflow_host_types_payload_free(&result);
}

static void warn(const char *message) {
    workflow_host_log_entry_t entry = {0};
    entry.level = WORKFLOW_HOST_LOG_LEVEL_WARN;
    workflow_module_string_set(&entry.target, "reminder");
    workflow_module_string_set(&entry.message, message);
    workflow_host_log_write(&entry);
}

/* Jobs. False: the workflow task fails, for the reason in `failure`. */

static bool started(workflow_host_activation_start_t *start, workflow_module_failure_t *failure) {
    uint64_t seconds;
    if (start->arguments.len != 2 || !to_seconds(&start->arguments.ptr[1], &seconds)) {
        fail_with(failure, "arguments of workflow `Reminder`: a person, and whole seconds between two reminders");
        return false;
    }
    /* Outlives the task, which is freed. */
    run.person = json_copy(start->arguments.ptr[0].data.ptr, start->arguments.ptr[0].data.len);
    run.interval = seconds * NANOSECONDS_PER_SECOND;
    wait();
    return true;
}

static void signalled(workflow_host_activation_signal_t *signal) {
    if (!is(&signal->name, "done")) {
        warn("a signal has no handler, and is dropped; known signals: [done]");
        return;
    }
    run.done = true;
    if (run.timer != 0) {
        workflow_host_time_cancel_timer(run.timer);
        run.timer = 0;
    }
    if (run.activity == 0) {
        complete();
    }
}

static void reminded(workflow_host_activation_activity_resolved_t *resolved) {
    run.activity = 0;
    /* A backoff is for local activities only. */
    workflow_host_types_outcome_t *outcome = &resolved->resolution.val.outcome;
    if (outcome->tag == WORKFLOW_HOST_TYPES_OUTCOME_FAILED) {
        workflow_host_workflow_fail(&outcome->val.failed);
        return;
    }
    if (outcome->tag == WORKFLOW_HOST_TYPES_OUTCOME_CANCELED) {
        workflow_host_workflow_cancel(&(workflow_host_workflow_list_payload_t){0});
        return;
    }
    run.reminders++;
    if (run.done) {
        complete();
    } else {
        wait();
    }
}

static void cancelled(void) {
    if (run.activity != 0) {
        workflow_host_activities_cancel(run.activity);
        return;
    }
    if (run.timer != 0) {
        workflow_host_time_cancel_timer(run.timer);
        run.timer = 0;
    }
    workflow_host_workflow_cancel(&(workflow_host_workflow_list_payload_t){0});
}

static bool take(workflow_host_activation_job_t *job, workflow_module_failure_t *failure) {
    switch (job->tag) {
    case WORKFLOW_HOST_ACTIVATION_JOB_START:
        return started(&job->val.start, failure);
    case WORKFLOW_HOST_ACTIVATION_JOB_UPDATE_RANDOM_SEED:
        /* The host draws from the new seed. */
        return true;
    case WORKFLOW_HOST_ACTIVATION_JOB_SIGNAL:
        signalled(&job->val.signal);
        return true;
    case WORKFLOW_HOST_ACTIVATION_JOB_CANCEL:
        cancelled();
        return true;
    case WORKFLOW_HOST_ACTIVATION_JOB_TIMER_FIRED:
        if (job->val.timer_fired == run.timer) {
            run.timer = 0;
            remind();
        }
        return true;
    case WORKFLOW_HOST_ACTIVATION_JOB_ACTIVITY_RESOLVED:
        if (job->val.activity_resolved.seq == run.activity) {
            reminded(&job->val.activity_resolved);
        }
        return true;
    default:
        fail_with(failure, "a job answers what this workflow never asks for");
        return false;
    }
}

/* The exports of the contract. They own their arguments, and what they return is freed behind them. */

void exports_workflow_module_definitions(workflow_module_list_workflow_definition_t *definitions) {
    workflow_host_definition_workflow_definition_t *definition = allocate(sizeof *definition);
    workflow_module_string_dup(&definition->name, "Reminder");
    definition->signals.ptr = allocate(sizeof *definition->signals.ptr);
    definition->signals.len = 1;
    workflow_module_string_dup(&definition->signals.ptr->name, "done");
    workflow_module_string_dup(&definition->signals.ptr->description, "Ends the reminders.");
    definition->queries.ptr = allocate(sizeof *definition->queries.ptr);
    definition->queries.len = 1;
    workflow_module_string_dup(&definition->queries.ptr->name, "reminders");
    workflow_module_string_dup(&definition->queries.ptr->description, "How often the person was reminded.");
    definition->versioning_behavior = WORKFLOW_HOST_DEFINITION_VERSIONING_BEHAVIOR_UNSPECIFIED;
    definitions->ptr = definition;
    definitions->len = 1;
}

bool exports_workflow_module_activate(workflow_module_task_t *task, workflow_module_failure_t *failure) {
    bool is_ok = true;
    for (size_t at = 0; is_ok && at < task->jobs.len; at++) {
        is_ok = take(&task->jobs.ptr[at], failure);
    }
    workflow_module_task_free(task);
    return is_ok;
}

bool exports_workflow_module_query(workflow_module_query_t *query, workflow_module_option_payload_t *answer,
                                   workflow_module_failure_t *failure) {
    bool is_known = is(&query->name, "reminders");
    if (is_known) {
        answer->is_some = true;
        answer->val = json_number(run.reminders);
    } else {
        fail_with(failure, "the query has no handler; known queries: [reminders]");
    }
    workflow_module_query_free(query);
    return is_known;
}

bool exports_workflow_module_validate_update(workflow_module_update_t *update, workflow_module_failure_t *failure) {
    fail_with(failure, "the update has no handler; there are none");
    workflow_module_update_free(update);
    return false;
}
