//! Eager activities: what a workflow task schedules on this worker's own queue comes back with the
//! answer to the task, instead of through a poll.

use host_activities::{Executors, Slot};
use host_wire::temporal::api::command::v1::{Command, command::Attributes};

/// Activities that one workflow task may get back at once; the service takes no more either.
const MAX_EAGER_ACTIVITIES: usize = 3;

/// Marks the commands whose activities this worker can run now, and reserves a slot for each, with its type. All
/// others are marked as not wanted.
pub(crate) fn reserve(
    commands: &mut [Command],
    task_queue: &str,
    executors: Option<&Executors>,
) -> Vec<(String, Slot)> {
    mark(commands, task_queue, |activity_type| executors?.try_reserve(activity_type))
}

fn mark<S>(
    commands: &mut [Command],
    task_queue: &str,
    mut reserve: impl FnMut(&str) -> Option<S>,
) -> Vec<(String, S)> {
    let mut slots = Vec::new();
    for command in commands {
        let Some(Attributes::ScheduleActivityTaskCommandAttributes(scheduled)) = &mut command.attributes
        else {
            continue;
        };
        let queue = scheduled.task_queue.as_ref().map_or(task_queue, |queue| queue.name.as_str());
        let wanted = scheduled.request_eager_execution
            && (queue.is_empty() || queue == task_queue)
            && slots.len() < MAX_EAGER_ACTIVITIES;
        let activity_type = scheduled.activity_type.as_ref().map_or("", |kind| kind.name.as_str());
        let slot = if wanted { reserve(activity_type) } else { None };
        let slot = slot.map(|slot| (activity_type.to_owned(), slot));
        scheduled.request_eager_execution = slot.is_some();
        slots.extend(slot);
    }
    slots
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::{
        command::v1::ScheduleActivityTaskCommandAttributes, common::v1::ActivityType,
        taskqueue::v1::TaskQueue,
    };

    use super::*;

    /// Commands as words `type@queue`, with `!` in front when the workflow wants no eager start. Of
    /// type `a` there are `slots`; marked ones are compared.
    fn check(commands: &str, slots: usize, expected: &str) {
        let mut commands: Vec<Command> = commands.split_whitespace().map(command).collect();
        let mut free = slots;
        let reserved = mark(&mut commands, "q", |activity_type| {
            let found = activity_type == "a" && free > 0;
            free -= usize::from(found);
            found.then_some(())
        });
        let marks: String = commands
            .iter()
            .map(|command| match &command.attributes {
                Some(Attributes::ScheduleActivityTaskCommandAttributes(scheduled))
                    if scheduled.request_eager_execution =>
                {
                    '+'
                }
                _ => '-',
            })
            .collect();
        assert_eq!(marks, expected);
        assert_eq!(reserved.len(), expected.matches('+').count());
    }

    fn command(word: &str) -> Command {
        let (activity_type, queue) = word.split_once('@').unwrap();
        let attributes = ScheduleActivityTaskCommandAttributes {
            activity_type: Some(ActivityType { name: activity_type.trim_start_matches('!').to_owned() }),
            task_queue: Some(TaskQueue { name: queue.to_owned(), ..Default::default() }),
            request_eager_execution: !activity_type.starts_with('!'),
            ..Default::default()
        };
        Command {
            attributes: Some(Attributes::ScheduleActivityTaskCommandAttributes(Box::new(attributes))),
            ..Default::default()
        }
    }

    #[test]
    fn only_what_can_run_here_and_now_is_asked_for() {
        check("a@q a@ b@q a@other !a@q a@q", 10, "++---+");
        check("a@q a@q a@q a@q", 10, "+++-");
        check("a@q a@q", 1, "+-");
    }
}
