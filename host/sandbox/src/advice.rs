//! What a workflow uses instead of what the standard library and well-known crates cannot do in the sandbox: they panic with
//! messages that do not say it.

use crate::wasi::trap::FILES;

/// A part of a panic's message, and what to do instead.
const ADVICE: &[(&str, &str)] = &[
    (
        "failed to spawn thread",
        "a workflow has no threads: `join!`, `join_all` and `select!` of the SDK do several things at once, and what computes \
         long is an activity",
    ),
    (
        "there is no reactor running",
        "a workflow has no tokio: it waits with the futures of the SDK, and everything else is an activity",
    ),
    (
        "operation not supported on this platform",
        "a workflow has no files, network, processes and threads: that is for an activity",
    ),
    ("Capabilities insufficient", FILES),
    ("failed to find a pre-opened file descriptor", FILES),
];

/// The message of a panic, with the advice that there is for it.
pub(crate) fn advised(message: String) -> String {
    match ADVICE.iter().find(|(part, _)| message.contains(part)) {
        Some((_, advice)) => format!("{message}: {advice}"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_messages_get_advice() {
        let check = |message: &str, advice: &str| {
            let advised = advised(message.to_owned());
            assert!(advised.starts_with(message) && advised.contains(advice), "{advised}");
        };
        check("failed to spawn thread: Os { code: 58 }", "`join!`");
        check(
            "there is no reactor running, must be called from the context of a Tokio 1.x runtime",
            "no tokio",
        );
        check("it is late", "it is late");
    }
}
