//! A module with a data converter: every value is JSON backwards, and messages of failures are encoded.

use std::time::Duration;

use guest_sdk::{
    ActivityOptions, ApplicationFailure, DataConverter, Decode, DefaultFailureConverterWithEncodedAttributes,
    Encoding, EncodingPayloadConverter, Payload, PayloadError, SyncWorkflowContext, WorkflowContext,
    WorkflowContextView, WorkflowResult, activity_definitions, erased_serde, workflow, workflow_methods,
};

/// The converter of the module, and of the tests' client and activities.
pub const CONVERTER: DataConverter = DataConverter::new()
    .with_payload_converters(&[&Backwards])
    .with_failure_converter(&DefaultFailureConverterWithEncodedAttributes);

/// The result with which the converter panics in the sandbox.
pub const PANICS: &str = "a panic, please";

/// JSON whose bytes are in reverse order.
#[derive(Debug)]
pub struct Backwards;

impl EncodingPayloadConverter for Backwards {
    fn encoding(&self) -> &str {
        "json/backwards"
    }

    fn to_payload(&self, value: &dyn erased_serde::Serialize) -> Result<Option<Payload>, PayloadError> {
        let mut data = serde_json::to_vec(value)?;
        assert!(
            !(cfg!(target_family = "wasm") && data == format!("{PANICS:?}").into_bytes()),
            "the converter stumbles"
        );
        data.reverse();
        Ok(Some(Payload { encoding: Encoding::from_name(self.encoding()), metadata: Vec::new(), data }))
    }

    fn from_payload(&self, payload: &Payload, decode: Decode<'_>) -> Result<(), PayloadError> {
        let mut data = payload.data.clone();
        data.reverse();
        decode.from(&mut serde_json::Deserializer::from_slice(&data))
    }
}

/// Passes a word on to an activity, and returns its answer.
#[workflow]
#[derive(Debug, Default)]
pub struct Passes {
    heard: Vec<String>,
}

#[workflow_methods]
impl Passes {
    /// `fail` as the answer fails the run.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, word: String, times: u32) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let answer = ctx.execute_activity(Answers::answer, (word, times), options).await?;
        if answer == "fail" {
            return Err(ApplicationFailure::application("Asked", "it was asked to").build().into());
        }
        Ok(answer)
    }

    /// Hears a word.
    #[signal]
    pub fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, word: String) {
        self.heard.push(word);
    }

    /// What it heard.
    #[query]
    pub fn heard(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.heard.clone()
    }
}

/// The activity of the workflow.
#[derive(Debug)]
pub struct Answers;

#[activity_definitions]
impl Answers {
    /// The answer to a word.
    #[activity]
    pub fn answer(word: String, times: u32) -> Result<String, ApplicationFailure> {
        unimplemented!("{word} {times}: the tests have it")
    }
}

guest_sdk::export!(Passes; data_converter = CONVERTER);
