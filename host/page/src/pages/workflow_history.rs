//! `/workflow/history`: the events of one run.

use axum::{Extension, extract::State};
use host_text::event;
use host_wire::temporal::api::history::v1::HistoryEvent;
use maud::{Markup, html};

use super::run::{Run, live};
use crate::{access::Access, fault::Shown, fields::Fields, history, shown, site::Site};

/// Events of a page.
const PAGE: i64 = 100;

/// The first event of the page that has an event.
pub(super) fn page_of(event_id: i64) -> i64 {
    (event_id - 1).max(0) / PAGE * PAGE + 1
}

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let run = Run::find(&site, &fields).await?;
    let events = history::read(run.handle.history()).await?;
    let from = page_of(fields.number("from").unwrap_or(1));
    let total = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let shown: Vec<&HistoryEvent> =
        events.iter().filter(|event| (from..from + PAGE).contains(&event.event_id)).collect();
    let pages = pages(&run, from, total);
    let mut rows = Vec::new();
    for event in shown {
        rows.push(row(&run, event)?);
    }
    let content = html! {
        div id="history" data-live {
            (pages)
            ol.events start=(from) { @for row in rows { (row) } }
            (pages)
        }
        (live(&[("workflow-id", &run.workflow_id), ("run-id", &run.run_id)]))
    };
    Ok(run.page(&site, access, "/workflow/history", &content))
}

fn pages(run: &Run, from: i64, total: i64) -> Markup {
    let to = |event: i64| run.address("/workflow/history", &[("from", &event.to_string())]);
    html! {
        nav.pages aria-label="Pages of the history" {
            @if from > 1 {
                a href=(to(1)) { "First" }
                a href=(to(from - PAGE)) rel="prev" { "Earlier" }
            }
            span.muted { "events " (from) " to " ((from + PAGE - 1).min(total)) " of " (total) }
            @if from + PAGE <= total {
                a href=(to(from + PAGE)) rel="next" { "Later" }
                a href=(to(page_of(total))) { "Last" }
            }
        }
    }
}

/// An event on one line; its fields are below it once it is opened.
fn row(run: &Run, event: &HistoryEvent) -> Shown<Markup> {
    let name = event::type_name(event);
    let summary = event::summary(event)?;
    let fields = event::fields(event)?;
    let at = run.address("/workflow/at", &[("event", &event.event_id.to_string())]);
    let class = if name.ends_with("Failed") || name.ends_with("TimedOut") { "name bad" } else { "name" };
    Ok(html! {
        li id={ "event-" (event.event_id) } {
            details id={ "details-" (event.event_id) } {
                summary {
                    span.number { (event.event_id) }
                    (shown::time(event.event_time.as_ref()))
                    span class=(class) { (name) }
                    span.what { bdi { (summary) } }
                }
                dl.fields {
                    @for (path, value) in fields {
                        dt { (shown::line(&path)) }
                        dd { pre { (shown::lines(&value)) } }
                    }
                }
                p { a href=(at) { "The workflow at this event" } }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_a_page() {
        for (event, first) in [(0, 1), (1, 1), (100, 1), (101, 101), (250, 201)] {
            assert_eq!(page_of(event), first, "{event}");
        }
    }
}
