//! Values with encodings of their own: a message of protobuf, and what a converter of this crate makes.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, Converted, Encoding, Payload, PayloadConverter, PayloadError, ProstSerializable,
    WorkflowContext, WorkflowResult, activities, workflow, workflow_methods,
};

/// What is sent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Parcel {
    /// The article.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// How many there are.
    #[prost(uint32, tag = "2")]
    pub pieces: u32,
}

impl prost::Name for Parcel {
    const NAME: &'static str = "Parcel";
    const PACKAGE: &'static str = "probes.v1";
}

/// Numbers as text, such as `21.5`.
#[derive(Debug)]
pub struct PlainText;

impl PayloadConverter<f64> for PlainText {
    fn to_payload(value: &f64) -> Result<Payload, PayloadError> {
        let encoding = Encoding::from_name("text/plain");
        Ok(Payload { encoding, metadata: Vec::new(), data: value.to_string().into_bytes() })
    }

    fn from_payload(payload: &Payload) -> Result<f64, PayloadError> {
        payload.expect_encoding("text/plain")?;
        String::from_utf8_lossy(&payload.data).parse().map_err(PayloadError::custom)
    }
}

/// Has a parcel weighed.
#[workflow]
#[derive(Debug, Default)]
pub struct Converts;

#[workflow_methods]
impl Converts {
    /// The weight of that many pieces of an article, as JSON.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, sku: String, pieces: u32) -> WorkflowResult<f64> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let weight = ctx.execute_activity(Scales::weigh_parcel, Parcel { sku, pieces }, options).await?;
        Ok(*weight)
    }
}

/// Has no state.
#[derive(Debug)]
pub struct Scales;

#[activities]
impl Scales {
    /// The weight of a parcel.
    #[activity]
    pub async fn weigh_parcel(
        _ctx: ActivityContext,
        ProstSerializable(parcel): ProstSerializable<Parcel>,
    ) -> Result<Converted<f64, PlainText>, ActivityError> {
        Ok((f64::from(parcel.pieces) * 0.75).into())
    }
}
