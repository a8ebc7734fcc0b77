//! The size of the payloads and texts of a command, as the limits count it.

use crate::wit::workflow::host::types::{
    Encoding, Failure, FailureInfo, FailureLink, NamedPayload, Outcome, Payload, UserMetadata,
};

/// The bytes of the payloads and texts in a value, without the fixed size of its fields.
pub(crate) trait Weight {
    fn weight(&self) -> usize;
}

impl Weight for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Weight::weight)
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn weight(&self) -> usize {
        self.iter().map(Weight::weight).sum()
    }
}

impl<A: Weight, B: Weight> Weight for (A, B) {
    fn weight(&self) -> usize {
        self.0.weight() + self.1.weight()
    }
}

impl Weight for Payload {
    fn weight(&self) -> usize {
        let encoding = match &self.encoding {
            Encoding::Other(name) => name.len(),
            Encoding::BinaryNull | Encoding::BinaryPlain | Encoding::JsonPlain | Encoding::None => 0,
        };
        let metadata: usize = self.metadata.iter().map(|entry| entry.key.len() + entry.value.len()).sum();
        encoding + metadata + self.data.len()
    }
}

impl Weight for NamedPayload {
    fn weight(&self) -> usize {
        self.name.len() + self.payload.weight()
    }
}

impl Weight for UserMetadata {
    fn weight(&self) -> usize {
        self.summary.weight() + self.details.weight()
    }
}

impl Weight for FailureLink {
    fn weight(&self) -> usize {
        let info = match &self.info {
            FailureInfo::Application(info) => info.error_type.len() + info.details.weight(),
            FailureInfo::Timeout(info) => info.last_heartbeat_details.weight(),
            FailureInfo::Canceled(info) => info.details.weight() + info.identity.len(),
            FailureInfo::ResetWorkflow(details) => details.weight(),
            // The rest has a few short names only.
            FailureInfo::None
            | FailureInfo::Terminated(_)
            | FailureInfo::Server(_)
            | FailureInfo::Activity(_)
            | FailureInfo::ChildWorkflow(_)
            | FailureInfo::NexusOperation(_)
            | FailureInfo::NexusHandler(_) => 0,
        };
        self.message.len() + self.stack_trace.len() + self.encoded_attributes.weight() + info
    }
}

impl Weight for Outcome {
    fn weight(&self) -> usize {
        match self {
            Self::Completed(payload) => payload.weight(),
            Self::Failed(failure) | Self::Canceled(failure) => Failure::weight(failure),
        }
    }
}
