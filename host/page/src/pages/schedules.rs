//! `/schedules`: the schedules of the namespace.

use axum::{Extension, extract::State};
use host_client::ListOptions;
use maud::html;

use super::run::respond;
use crate::{access::Access, fault::Shown, shown, site::Site};

/// Schedules that are shown.
const MOST: usize = 200;

pub(crate) async fn show(State(site): State<Site>, Extension(access): Extension<Access>) -> Shown {
    let options = ListOptions { limit: MOST, ..ListOptions::default() };
    let schedules = site.client().list_schedules(options).await?;
    let content = html! {
        h1 { "Schedules" }
        @if schedules.is_empty() {
            p.empty { "None yet. Make one: " code { "host schedule create --schedule-id ID --interval 1h …" } }
        } @else {
            div.wide { table {
                thead { tr { th { "Schedule id" } th { "Type" } th { "State" } th { "Next" } th { "Last" } th { "Workflows" } } }
                tbody {
                    @for schedule in &schedules {
                        @let info = schedule.info.clone().unwrap_or_default();
                        @let last = info.recent_actions.last().and_then(|action| action.actual_time);
                        @let filter = format!("TemporalScheduledById = {}", shown::quoted(&schedule.schedule_id));
                        tr {
                            td { bdi { (shown::line(&schedule.schedule_id)) } }
                            td { bdi { (shown::line(&info.workflow_type.clone().unwrap_or_default().name)) } }
                            td { @if info.paused { "paused " } @else { "active" } span.muted { (shown::line(&info.notes)) } }
                            td { (shown::time(info.future_action_times.first())) }
                            td { (shown::time(last.as_ref())) }
                            td { (shown::list_link(&filter, "list")) }
                        }
                    }
                }
            } }
        }
        @if schedules.len() == MOST { p.muted { "The first " (MOST) " are shown." } }
    };
    Ok(respond(&site, access, "/schedules", "Schedules", &content))
}
