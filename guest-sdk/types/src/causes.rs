//! The causes of a failure as a list, so that neither writing nor reading them takes stack for each.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::{Failure, FailureInfo, MAX_FAILURE_DEPTH};
use crate::payload::Payload;

/// The causes of one failure: the failure itself is the first link of its chain.
const MAX_CAUSES: usize = MAX_FAILURE_DEPTH - 1;

/// A failure without its cause.
#[derive(Serialize)]
struct LinkRef<'a> {
    message: &'a str,
    source: &'a str,
    stack_trace: &'a str,
    encoded_attributes: &'a Option<Payload>,
    info: &'a FailureInfo,
}

/// A failure without its cause.
#[derive(Deserialize)]
struct Link {
    message: String,
    source: String,
    stack_trace: String,
    encoded_attributes: Option<Payload>,
    info: FailureInfo,
}

/// Writes the first [`MAX_CAUSES`] causes.
pub(crate) fn serialize<S: Serializer>(
    cause: &Option<Box<Failure>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let chain = || {
        let first = cause.as_deref();
        std::iter::successors(first, |link| link.cause.as_deref()).take(MAX_CAUSES)
    };
    let mut list = serializer.serialize_seq(Some(chain().count()))?;
    for Failure { message, source, stack_trace, encoded_attributes, info, cause: _ } in chain() {
        list.serialize_element(&LinkRef { message, source, stack_trace, encoded_attributes, info })?;
    }
    list.end()
}

/// Reads the causes; more than [`MAX_CAUSES`] are an error.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<Failure>>, D::Error> {
    deserializer.deserialize_seq(Causes)
}

struct Causes;

impl<'de> Visitor<'de> for Causes {
    type Value = Option<Box<Failure>>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "at most {MAX_CAUSES} causes of a failure")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut links = Vec::new();
        while let Some(link) = list.next_element::<Link>()? {
            if links.len() == MAX_CAUSES {
                return Err(A::Error::custom(format_args!("a failure has more than {MAX_CAUSES} causes")));
            }
            links.push(link);
        }
        let outermost = links.into_iter().rev().fold(None, |cause, link| {
            let Link { message, source, stack_trace, encoded_attributes, info } = link;
            Some(Box::new(Failure { message, source, stack_trace, encoded_attributes, info, cause }))
        });
        Ok(outermost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: usize) -> Failure {
        (1..links).fold(Failure::default(), |cause, number| Failure {
            message: number.to_string(),
            cause: Some(Box::new(cause)),
            ..Failure::default()
        })
    }

    #[test]
    fn chains_come_back_and_long_ones_are_cut() {
        for (links, expected) in [(1, 1), (2, 2), (MAX_FAILURE_DEPTH, MAX_FAILURE_DEPTH), (50_000, 64)] {
            let mut failure = chain(links);
            let written = serde_json::to_string(&failure).unwrap();
            let read: Failure = serde_json::from_str(&written).unwrap();
            let mut count = 0;
            let mut link = Some(&read);
            while let Some(failure) = link {
                count += 1;
                link = failure.cause.as_deref();
            }
            assert_eq!(count, expected, "{links}");
            assert_eq!(failure.clone_truncated(), read);
            failure.truncate_causes();
            assert_eq!(failure, read);
        }
    }

    #[test]
    fn more_causes_than_a_chain_has_are_refused() {
        let link = serde_json::to_value(Failure::default()).unwrap();
        let read = |causes: usize| {
            let mut failure = link.clone();
            failure["cause"] = vec![link.clone(); causes].into();
            serde_json::from_value::<Failure>(failure).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(read(MAX_CAUSES), Ok(()));
        assert_eq!(read(MAX_CAUSES + 1), Err("a failure has more than 63 causes".to_owned()));
    }
}
