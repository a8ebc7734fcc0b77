//! The same protobuf messages in two generations: ours and that of `temporalio-protos`.

use bytes::Bytes;
use prost::Message;

/// The same message as another Rust type.
///
/// # Panics
///
/// When `To` is another message, whose fields clash with those of `From`.
pub fn message<From: Message, To: Message + Default>(from: &From) -> To {
    To::decode(Bytes::from(from.encode_to_vec())).expect("both types are generated from one message")
}

/// [`message`] inside an option.
pub fn option<From: Message, To: Message + Default>(from: Option<&From>) -> Option<To> {
    from.map(message)
}

/// [`message`] for each.
pub fn list<'a, From: Message + 'a, To: Message + Default>(
    from: impl IntoIterator<Item = &'a From>,
) -> Vec<To> {
    from.into_iter().map(message).collect()
}

/// [`message`] for each value of a map.
pub fn map<'a, From, To, Map>(from: impl IntoIterator<Item = (&'a String, &'a From)>) -> Map
where
    From: Message + 'a,
    To: Message + Default,
    Map: FromIterator<(String, To)>,
{
    from.into_iter().map(|(key, value)| (key.clone(), message(value))).collect()
}
