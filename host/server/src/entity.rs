//! What stored records are about.

use std::fmt;

use bytes::Bytes;
use prost::Message;

/// A kind of thing with a history of its own in the log. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub(crate) enum EntityKind {
    /// One run of a workflow execution.
    Run = 1,
    Schedule = 2,
    Namespace = 3,
    SearchAttributes = 4,
    /// A worker deployment.
    Deployment = 5,
    /// A Nexus endpoint.
    Endpoint = 6,
    /// A batch operation.
    Batch = 7,
}

impl EntityKind {
    /// All kinds that there are.
    pub(crate) const ALL: [Self; 7] = [
        Self::Run,
        Self::Schedule,
        Self::Namespace,
        Self::SearchAttributes,
        Self::Deployment,
        Self::Endpoint,
        Self::Batch,
    ];

    pub(crate) fn number(self) -> u32 {
        self as u32
    }

    /// The kind with this number, if this version knows one.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// One thing that records are about: its kind, and its number among those of its kind, in the order
/// in which they came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entity {
    pub(crate) kind: EntityKind,
    pub(crate) number: u64,
}

impl Entity {
    pub(crate) fn run(number: u64) -> Self {
        Self { kind: EntityKind::Run, number }
    }

    pub(crate) fn schedule(number: u64) -> Self {
        Self { kind: EntityKind::Schedule, number }
    }

    pub(crate) fn deployment(number: u64) -> Self {
        Self { kind: EntityKind::Deployment, number }
    }

    pub(crate) fn endpoint(number: u64) -> Self {
        Self { kind: EntityKind::Endpoint, number }
    }

    pub(crate) fn namespace(number: u64) -> Self {
        Self { kind: EntityKind::Namespace, number }
    }

    pub(crate) fn batch(number: u64) -> Self {
        Self { kind: EntityKind::Batch, number }
    }
}

/// The body of the records of one kind of entity, other than runs. Some records have everything and replace those
/// before.
pub(crate) trait EntityBody: Message + Default {
    const KIND: EntityKind;

    /// Whether nothing before it is needed.
    fn replaces_all(&self) -> bool;

    /// Whether the entity is gone with it.
    fn is_deleted(&self) -> bool;
}

/// What happened to an entity other than a run in a transition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EntityRecord {
    pub(crate) entity: Entity,
    /// An encoded [`EntityBody`].
    pub(crate) body: Bytes,
}

impl EntityRecord {
    pub(crate) fn new<B: EntityBody>(number: u64, body: &B) -> Self {
        Self { entity: Entity { kind: B::KIND, number }, body: body.encode_to_vec().into() }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            EntityKind::Run => "run",
            EntityKind::Schedule => "schedule",
            EntityKind::Namespace => "namespace",
            EntityKind::SearchAttributes => "search attributes",
            EntityKind::Deployment => "deployment",
            EntityKind::Endpoint => "endpoint",
            EntityKind::Batch => "batch",
        };
        write!(f, "{kind} {}", self.number)
    }
}
