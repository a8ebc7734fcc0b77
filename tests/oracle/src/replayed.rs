//! What a replay came to, for either engine.

use std::fmt;

use host_core::Activation;

/// Lines of a difference that are shown.
const MAX_LINES: usize = 40;

/// A replay from start to end, or to the first error.
#[derive(Debug)]
pub struct Replayed {
    /// What the guest was told.
    pub activations: Vec<Activation>,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To the end of the history.
    Ok,
    /// History and workflow do not agree.
    Nondeterminism(String),
    /// Anything else that stopped it.
    Broken(String),
    /// The engine does not take the history at all, or does not survive it: nothing to compare.
    Refused(String),
}

/// A [`Verdict`] without its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`Verdict::Ok`]
    Ok,
    /// [`Verdict::Nondeterminism`]
    Nondeterminism,
    /// [`Verdict::Broken`]
    Broken,
    /// [`Verdict::Refused`]
    Refused,
}

impl Verdict {
    /// Without its message.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ok => Kind::Ok,
            Self::Nondeterminism(_) => Kind::Nondeterminism,
            Self::Broken(_) => Kind::Broken,
            Self::Refused(_) => Kind::Refused,
        }
    }
}

/// What stands before the id of the event that a verdict is about: in sdk-core's messages, and in ours.
const EVENT_IDS: [&str; 4] =
    ["HistoryEvent(id: ", "HistoryEvent { event_id: ", "EventInfo { event_id: ", "at event "];

impl Verdict {
    /// The event that it is about, if its message names one.
    pub fn event_id(&self) -> Option<i64> {
        let (Self::Nondeterminism(message) | Self::Broken(message)) = self else { return None };
        let (_, rest) = EVENT_IDS.iter().find_map(|before| message.split_once(before))?;
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => write!(f, "ok"),
            Self::Nondeterminism(message) => write!(f, "nondeterminism: {message}"),
            Self::Broken(message) => write!(f, "broken: {message}"),
            Self::Refused(message) => write!(f, "refused: {message}"),
        }
    }
}

/// What the replay of one history by two engines does not have in common.
#[derive(Debug)]
pub struct Difference {
    /// One line.
    pub what: String,
    /// The verdict of sdk-core.
    pub theirs: Verdict,
    /// The verdict of our core.
    pub ours: Verdict,
}

/// The first difference between two replays.
pub fn difference(theirs: &Replayed, ours: &Replayed) -> Option<Difference> {
    let what = if theirs.verdict.kind() != ours.verdict.kind() {
        Some("the verdicts differ".to_owned())
    } else if let (Some(theirs), Some(ours)) = (theirs.verdict.event_id(), ours.verdict.event_id())
        && theirs != ours
    {
        Some("the verdicts name different events".to_owned())
    } else {
        different_activations(&theirs.activations, &ours.activations)
    };
    what.map(|what| Difference { what, theirs: theirs.verdict.clone(), ours: ours.verdict.clone() })
}

fn different_activations(theirs: &[Activation], ours: &[Activation]) -> Option<String> {
    for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
        if theirs != ours {
            return Some(format!("activation {index} differs:\n{}", different_lines(theirs, ours)));
        }
    }
    (theirs.len() != ours.len()).then(|| {
        let last = theirs.get(ours.len()).or(ours.get(theirs.len()));
        format!("sdk-core activates {} times, ours {}; the one more is {last:?}", theirs.len(), ours.len())
    })
}

/// The lines in which two things differ, as they are printed for people.
fn different_lines(theirs: &Activation, ours: &Activation) -> String {
    let [theirs, ours] = [theirs, ours].map(|it| format!("{it:#?}"));
    let [mut theirs, mut ours]: [Vec<&str>; 2] = [theirs.lines().collect(), ours.lines().collect()];
    while !theirs.is_empty() && theirs.first() == ours.first() {
        theirs.remove(0);
        ours.remove(0);
    }
    while !theirs.is_empty() && theirs.last() == ours.last() {
        theirs.pop();
        ours.pop();
    }
    let shown =
        |lines: &[&str]| lines.iter().take(MAX_LINES).map(|it| it.trim()).collect::<Vec<_>>().join(" ");
    format!("  sdk-core {}\n  ours     {}", shown(&theirs), shown(&ours))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "  sdk-core: {}", self.theirs)?;
        writeln!(f, "  ours:     {}", self.ours)
    }
}
