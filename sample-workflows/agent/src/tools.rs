//! The model and its tools. The model is a stand-in that follows rules; one behind an API has the same signature.

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

use crate::{Decision, Entry};

/// The activities of the agent.
#[derive(Debug)]
pub struct Tools;

#[activities]
impl Tools {
    /// Decides what to do next in a conversation.
    #[activity]
    pub async fn decide(_ctx: ActivityContext, conversation: Vec<Entry>) -> Result<Decision, ActivityError> {
        let call = |tool: &str, argument: &str| Decision::Call {
            tool: tool.to_owned(),
            argument: argument.to_owned(),
        };
        Ok(match &conversation[..] {
            [.., Entry::Model(Decision::Ask(_)), Entry::Person(city)] => call("weather", city),
            [.., Entry::Person(text)] => match text.split_once(" in ") {
                Some((_, city)) => call("weather", city.trim_end_matches('?')),
                None if text.contains("weather") => Decision::Ask("In which city?".to_owned()),
                None => call("oracle", text),
            },
            [.., Entry::Tool(result)] => Decision::Answer(result.clone()),
            [.., Entry::ToolFailed(reason)] => Decision::Answer(format!("I cannot tell: {reason}")),
            _ => Decision::Answer("Ask me about the weather.".to_owned()),
        })
    }

    /// The weather in a city.
    #[activity]
    pub async fn weather(_ctx: ActivityContext, city: String) -> Result<String, ActivityError> {
        if city == "Atlantis" {
            return Err(ActivityError::non_retryable(std::io::Error::other("there is no such city")));
        }
        Ok(format!("It is sunny in {city}."))
    }
}
