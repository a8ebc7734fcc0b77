//! A namespace as storage keeps it: the whole of it with every change, because it is small.

use host_wire::temporal::api::namespace::v1::{NamespaceConfig, NamespaceInfo};
use prost::Message;

use crate::entity::{EntityBody, EntityKind};

/// Number of a namespace, from 0. The service assigns it; storage names namespaces by it.
pub(crate) type NamespaceNumber = u64;

/// The body of a namespace's record.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NamespaceBody {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<NamespaceInfo>,
    /// Without a retention where that of the host's options holds.
    #[prost(message, optional, tag = "2")]
    pub(crate) config: Option<NamespaceConfig>,
    /// Nothing of it is left.
    #[prost(bool, tag = "3")]
    pub(crate) is_deleted: bool,
}

impl EntityBody for NamespaceBody {
    const KIND: EntityKind = EntityKind::Namespace;

    fn replaces_all(&self) -> bool {
        true
    }

    fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}
