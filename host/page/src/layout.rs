//! The frame of every page.

use maud::{DOCTYPE, Markup, html};

use crate::{access::Access, shown};

/// The parts of the page, in the order of the navigation: address and name.
const PARTS: &[(&str, &str)] = &[
    ("/", "Workflows"),
    ("/modules", "Modules"),
    ("/task-queues", "Task queues"),
    ("/schedules", "Schedules"),
    ("/workers", "Workers"),
];

/// A page of a part of the navigation, about a namespace.
pub(crate) fn page(namespace: &str, access: Access, part: &str, title: &str, content: &Markup) -> Markup {
    let body = html! {
        a.skip href="#main" { "Skip to the content" }
        header {
            nav aria-label="Parts" {
                @for (address, name) in PARTS {
                    a href=(address) aria-current=[(*address == part).then_some("page")] { (name) }
                }
            }
            span.namespace title="Namespace" { (shown::line(namespace)) }
        }
        main id="main" { (content) }
        footer {
            @match access {
                Access::Reads => {
                    "This browser only reads. To act, open the address that the host printed when it started."
                }
                Access::Acts => "This browser may act.",
            }
        }
    };
    whole(title, &body)
}

/// A page without navigation, for what went wrong.
pub(crate) fn bare(title: &str, content: &Markup) -> Markup {
    whole(title, &html! { main id="main" { (content) } })
}

fn whole(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shown::line(title)) }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body { (body) }
        }
    }
}
