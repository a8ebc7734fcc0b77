//! The timeline of a run: a bar for each operation.

use std::time::Duration;

use maud::{Markup, html};

use crate::{
    operations::{Kind, Operation},
    shown,
};

/// Bars that are drawn; of more, the latest.
const MAX_BARS: usize = 250;
/// Width of a picture in its own units, whatever its width on the screen.
const WIDTH: i64 = 1_000;
/// The least width of a bar, so that it can be seen.
const MIN_BAR: i64 = 4;

/// A timeline from one time to another, in milliseconds since 1970. Workflow tasks share the first row.
pub(crate) fn draw(
    operations: &[Operation],
    from_ms: i64,
    to_ms: i64,
    link: impl Fn(i64) -> String,
) -> Markup {
    let scale = Scale { from_ms, to_ms: to_ms.max(from_ms + 1) };
    let (tasks, others): (Vec<&Operation>, Vec<&Operation>) =
        operations.iter().partition(|operation| operation.kind == Kind::WorkflowTask);
    let left_out = others.len().saturating_sub(MAX_BARS);
    html! {
        div.timeline {
            div.label.muted { "from start to end" }
            div.axis {
                span { "0" }
                span { (shown::duration(millis(scale.length() / 2))) }
                span { (shown::duration(millis(scale.length()))) }
            }
            div.label { "workflow tasks" }
            (picture(&tasks[tasks.len().saturating_sub(MAX_BARS)..], scale))
            @for operation in &others[left_out..] {
                div.label {
                    a href=(link(operation.begin.event_id)) title=(title(operation, scale)) {
                        span class={ "kind " (class(operation.kind)) } { (operation.kind.name()) }
                        " " bdi { (shown::line(&operation.name)) }
                    }
                }
                (picture(&[operation], scale))
            }
        }
        @if left_out > 0 {
            p.muted { (left_out) " earlier operations are not drawn; the history has them." }
        }
    }
}

/// A row: a bar from scheduled to ended for each operation, lighter while it waited for a worker.
fn picture(operations: &[&Operation], scale: Scale) -> Markup {
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 12" } preserveAspectRatio="none" role="img" aria-hidden="true" {
            @for operation in operations {
                @let (x, width) = scale.bar(operation.begin.time_ms, end_ms(operation, scale));
                rect class={ "bar wait " (outcome(operation)) } x=(x) y="3" width=(width) height="6" {}
                @if let Some(started) = begun_ms(operation) {
                    @let (x, width) = scale.bar(started, end_ms(operation, scale));
                    rect class={ "bar " (outcome(operation)) } x=(x) y="1" width=(width) height="10" {}
                }
            }
        }
    }
}

/// When the operation itself began; nothing while it waits for a worker.
fn begun_ms(operation: &Operation) -> Option<i64> {
    match operation.kind {
        Kind::Timer | Kind::Signal | Kind::Update => Some(operation.begin.time_ms),
        Kind::WorkflowTask | Kind::Activity | Kind::ChildWorkflow | Kind::NexusOperation => {
            operation.started.map(|moment| moment.time_ms)
        }
    }
}

fn end_ms(operation: &Operation, scale: Scale) -> i64 {
    operation.end.map_or(scale.to_ms, |(moment, _)| moment.time_ms)
}

fn outcome(operation: &Operation) -> &'static str {
    operation.end.map_or("open", |(_, ending)| ending.name())
}

fn class(kind: Kind) -> &'static str {
    kind.name().split(' ').next_back().unwrap_or_default()
}

fn title(operation: &Operation, scale: Scale) -> String {
    let id =
        if operation.id.is_empty() { String::new() } else { format!(" (id {})", shown::line(&operation.id)) };
    let took = shown::duration(millis(end_ms(operation, scale) - operation.begin.time_ms));
    let attempt =
        if operation.attempt > 1 { format!(", attempt {}", operation.attempt) } else { String::new() };
    format!("event {}{id}: {}, {took}{attempt}", operation.begin.event_id, outcome(operation))
}

fn millis(length: i64) -> Duration {
    Duration::from_millis(u64::try_from(length).unwrap_or_default())
}

/// From times to places in the picture.
#[derive(Clone, Copy)]
struct Scale {
    from_ms: i64,
    /// Later than `from_ms`.
    to_ms: i64,
}

impl Scale {
    fn length(self) -> i64 {
        self.to_ms.saturating_sub(self.from_ms)
    }

    fn place(self, time_ms: i64) -> i64 {
        let since = time_ms.saturating_sub(self.from_ms).clamp(0, self.length());
        let place = i128::from(since) * i128::from(WIDTH) / i128::from(self.length());
        i64::try_from(place).unwrap_or(WIDTH)
    }

    /// Begin and width of a bar, inside the picture.
    fn bar(self, from_ms: i64, to_ms: i64) -> (i64, i64) {
        let begin = self.place(from_ms).min(WIDTH - MIN_BAR);
        (begin, (self.place(to_ms) - begin).max(MIN_BAR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{Ending, Moment};

    #[test]
    fn bars_are_inside_and_can_be_seen() {
        let scale = Scale { from_ms: 1_000, to_ms: 2_000 };
        for (from, to, expected) in [
            (1_000, 2_000, (0, 1_000)),
            (1_500, 1_500, (500, MIN_BAR)),
            (2_000, 2_000, (WIDTH - MIN_BAR, MIN_BAR)),
            (0, 9_000, (0, 1_000)),
            (i64::MIN, i64::MAX, (0, 1_000)),
        ] {
            assert_eq!(scale.bar(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let at = |time_ms| Moment { event_id: 5, time_ms };
        let operation = Operation {
            kind: Kind::Activity,
            name: "<script>".to_owned(),
            id: "\"><script>".to_owned(),
            begin: at(0),
            started: Some(at(10)),
            end: Some((at(20), Ending::Failed)),
            attempt: 3,
        };
        let drawn = draw(&[operation], 0, 20, |event| format!("#{event}")).into_string();
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(drawn.contains("failed, 20 ms, attempt 3"), "{drawn}");
        assert!(drawn.contains("<rect class=\"bar failed\" x=\"500\" y=\"1\" width=\"500\""), "{drawn}");
    }
}
