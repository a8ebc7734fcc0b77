//! The descriptor of the protocol, for what walks messages by reflection instead of by type.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!("../descriptor/temporal-api.bin").as_slice())
        .expect("the descriptor in the tree is complete")
});

/// The descriptor of the protocol: its messages, and its services with their calls.
#[must_use]
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The HTTP forms of the protocol's calls, one a line: `package.Service/Call METHOD /path/{field}`, then `*` where the body of
/// the request is the message. Annotations `google.api.http` of the proto files.
pub const HTTP_RULES: &str = include_str!("../descriptor/http-rules.txt");

/// The descriptor of a generated message.
pub(crate) fn of<M: Name>() -> MessageDescriptor {
    by_name(&M::full_name()).expect("messages are generated from the same descriptor")
}

/// The descriptor of a message by its full name, if the protocol has it.
pub(crate) fn by_name(full_name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(full_name)
}

/// The same message, as reflection sees it.
///
/// # Errors
///
/// When a part that is kept encoded (an event of a history) is not what it should be.
pub(crate) fn reflect<M: Message + Name>(message: &M) -> Result<DynamicMessage, prost::DecodeError> {
    DynamicMessage::decode(of::<M>(), message.encode_to_vec().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generated_package_is_reflected() {
        for name in [
            "temporal.api.history.v1.History",
            "temporal.api.workflowservice.v1.StartWorkflowExecutionRequest",
            "temporal.api.errordetails.v1.NotFoundFailure",
            "temporal.api.sdk.v1.WorkflowMetadata",
            "google.rpc.Status",
            "google.protobuf.Any",
        ] {
            assert!(by_name(name).is_some(), "{name} is missing");
        }
    }
}
