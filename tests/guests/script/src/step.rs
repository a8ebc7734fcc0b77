//! The lines of a script.

use std::collections::HashMap;

use bindings::workflow::host::activities::{self, ActivityOptions, CancellationType};
use bindings::workflow::host::log::{self, Entry, Level};
use bindings::workflow::host::types::{Failure, VersioningIntent};
use bindings::workflow::host::{metrics, random, time, workflow};

use crate::{SCRIPT, ask, failure, json, text};

/// The activity of `constant-activity`. Tests replace these bytes, and have a module that does something else.
const CONSTANT_ACTIVITY: &str = "the-activity-that-tests-rename-in-the-bytes-of-the-module";

/// The line that `constant-line` runs, for the same.
const CONSTANT_LINE: &str = "random the-line-that-tests-turn-into-a-panic-in-the-bytes-of-the-module";

/// The result of `complete-version`, for the same: five characters behind the colon.
const VERSION: &str = "the-version-that-tests-number:00000";

/// Runs one line.
pub(crate) fn run(line: &str) -> Result<(), Failure> {
    let (word, argument) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "activity" => {
            activities::schedule(&activity(argument));
        }
        "constant-activity" => {
            activities::schedule(&activity(CONSTANT_ACTIVITY));
        }
        // Lasts until the folder has a file `go`.
        "hold" => {
            activities::schedule(&ActivityOptions {
                arguments: vec![json(argument)],
                start_to_close_timeout: Some(600 * 1_000_000_000),
                ..activity("hold_until_go")
            });
        }
        "constant-line" => return run(CONSTANT_LINE),
        "cancel-activity" => activities::cancel(number(argument)),
        "timer" => {
            let options = time::TimerOptions {
                start_to_fire_timeout: u64::from(number(argument)) * 1_000_000,
                user_metadata: None,
            };
            time::start_timer(&options);
        }
        "cancel-timer" => time::cancel_timer(number(argument)),
        "complete" => workflow::complete(Some(&text(argument))),
        // Else the compiler would know it.
        "complete-version" => workflow::complete(Some(&text(std::hint::black_box(VERSION)))),
        "complete-notes" => {
            let notes = SCRIPT.with_borrow(|script| script.notes.join("\n"));
            workflow::complete(Some(&text(&notes)));
        }
        "fail" => workflow::fail(&failure(argument)),
        "refuse" => return Err(failure(argument)),
        "refuse-links" => return Err(vec![failure("link").remove(0); number(argument) as usize]),
        "wait-notes" => {}
        "patched" => note(format!("patched {} {}", argument, workflow::patched(argument, false))),
        "deprecate" => note(format!("deprecate {} {}", argument, workflow::patched(argument, true))),
        "log" => log::write(&Entry {
            level: Level::Info,
            target: "script".to_owned(),
            message: argument.to_owned(),
            fields: Vec::new(),
            location: None,
        }),
        "measure" => metrics::record(&metrics::Measurement {
            instrument: metrics::Instrument::Counter,
            name: argument.to_owned(),
            unit: String::new(),
            description: "What a script counts.".to_owned(),
            value: 1.0,
            attributes: vec![("kind".to_owned(), "script".to_owned())],
        }),
        "print" => println!("{argument}"),
        "eprint" => eprint!("{argument}"),
        "now" => note(format!("now {}", time::now())),
        "wall" => {
            let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            note(format!("wall {}", elapsed.expect("time starts in 1970").as_nanos()));
        }
        "elapsed" => {
            let start = std::time::Instant::now();
            note(format!("elapsed {}", start.elapsed().as_nanos()));
        }
        "environment" => {
            note(format!("environment {} {}", std::env::vars().count(), std::env::args().count()))
        }
        "probe-file" => {
            let read = std::fs::read_to_string(argument).map_err(|error| error.kind());
            note(format!("probe-file {} {read:?}", std::path::Path::new(argument).exists()));
        }
        "random" => note(format!("random {:016x}", random::next_u64(argument))),
        "random-bytes" => {
            note(format!("random-bytes {:02x?}", random::next_bytes("bytes", number(argument))))
        }
        "map" => {
            let map: HashMap<u32, u32> = (0..8).map(|key| (key, key)).collect();
            note(format!("map {:?}", map.keys().collect::<Vec<_>>()));
        }
        "replaying" => note(format!("replaying {}", workflow::is_replaying())),
        "ballast" => SCRIPT.with_borrow_mut(|script| script.ballast.resize(number(argument) as usize, 1)),
        _ => ask::run(word, argument),
    }
    Ok(())
}

pub(crate) fn number(argument: &str) -> u32 {
    argument.parse().expect("a number is a number")
}

fn note(note: String) {
    SCRIPT.with_borrow_mut(|script| script.notes.push(note));
}

pub(crate) fn activity(activity_type: &str) -> ActivityOptions {
    ActivityOptions {
        activity_id: None,
        activity_type: activity_type.to_owned(),
        task_queue: None,
        headers: Vec::new(),
        arguments: vec![text(activity_type)],
        schedule_to_close_timeout: None,
        schedule_to_start_timeout: None,
        start_to_close_timeout: Some(1_000_000_000),
        heartbeat_timeout: None,
        retry_policy: None,
        cancellation_type: CancellationType::TryCancel,
        do_not_eagerly_execute: false,
        versioning_intent: VersioningIntent::Unspecified,
        priority: None,
        user_metadata: None,
    }
}
