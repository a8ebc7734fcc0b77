//! `host config get`.

use anyhow::bail;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use toml_edit::Value;

use super::{
    Place,
    file::Profile,
    property::{FIELDS, Field, GRPC_META, Kind, Property, TLS},
};
use crate::output::{Output, card::Table, json::Object};

/// Prints what the file has in a profile, secrets included: variables and flags are not looked at.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config get
  host config get --profile cloud --prop address --output json | jq -r .value")]
pub(super) struct Get {
    /// Only this property; `tls` is whether the profile has a part of that name.
    #[arg(short, long, value_name = "NAME")]
    prop: Option<Property>,
}

impl Get {
    pub(super) fn run(self, place: &Place, output: Output) -> anyhow::Result<()> {
        let file = place.read()?;
        let profile = file.profile(&place.profile())?;
        match self.prop {
            Some(property) => print_one(profile, &property, output),
            None if output.is_text() => print_all(profile, output),
            None => output.object(object(profile)),
        }
    }
}

/// What a property is, for people and as JSON.
struct Shown {
    text: String,
    json: serde_json::Value,
}

fn print_one(profile: Profile<'_>, property: &Property, output: Output) -> anyhow::Result<()> {
    let shown = match property {
        Property::Tls => plain(&profile.has_tls().into()),
        Property::Field(field) => shown(*field, profile),
        Property::Header(key) => match profile.headers().into_iter().find(|(name, _)| name == key) {
            Some((_, value)) => plain(&value.into()),
            None => bail!("the profile has no {}", property.name()),
        },
    };
    if !output.is_text() {
        return output.object(Object::new().field("property", property.name()).field("value", shown.json));
    }
    let mut table = Table::new(["Property", "Value"]);
    table.push([property.name(), shown.text]);
    Ok(output.lines(table.text())?)
}

fn print_all(profile: Profile<'_>, output: Output) -> anyhow::Result<()> {
    let fields = FIELDS.iter().filter(|field| value(**field, profile).is_some());
    let mut rows: Vec<[String; 2]> =
        fields.map(|field| [field.name.to_owned(), shown(*field, profile).text]).collect();
    rows.extend(profile.headers().into_iter().map(|(key, value)| [format!("{GRPC_META}.{key}"), value]));
    if profile.has_tls() {
        rows.push([TLS.to_owned(), true.to_string()]);
    }
    rows.sort_unstable();
    let mut table = Table::new(["Property", "Value"]);
    rows.into_iter().for_each(|row| table.push(row));
    Ok(output.lines(table.text())?)
}

/// All of a profile, as its part of the file would be in JSON.
fn object(profile: Profile<'_>) -> Object {
    let mut object = serde_json::Map::new();
    if profile.has_tls() {
        object.insert(TLS.to_owned(), serde_json::Map::new().into());
    }
    for field in FIELDS {
        let Some(value) = value(*field, profile) else { continue };
        let (within, key) = field.path();
        match within {
            Some(within) => {
                let part = object.entry(within).or_insert_with(|| serde_json::Map::new().into());
                part[key] = value;
            }
            None => {
                object.insert(key.to_owned(), value);
            }
        }
    }
    let headers: serde_json::Map<_, _> =
        profile.headers().into_iter().map(|(key, value)| (key, value.into())).collect();
    if !headers.is_empty() {
        object.insert(GRPC_META.to_owned(), headers.into());
    }
    object.iter().fold(Object::new(), |object, (key, value)| object.field(key, value))
}

/// The value of a key, if the profile has it.
fn value(field: Field, profile: Profile<'_>) -> Option<serde_json::Value> {
    let (within, key) = field.path();
    match profile.value(within, key)? {
        Value::Boolean(is) => Some((*is.value()).into()),
        value => Some(value.as_str()?.into()),
    }
}

/// The value of a key as the `temporal` CLI prints a single one: one that is not there is empty, false or null.
fn shown(field: Field, profile: Profile<'_>) -> Shown {
    let value = value(field, profile);
    match field.kind {
        Kind::Bool => plain(&value.unwrap_or_else(|| false.into())),
        Kind::Text => plain(&value.unwrap_or_else(|| "".into())),
        Kind::Data => {
            let base64 = value.as_ref().and_then(|value| value.as_str()).map(|text| STANDARD.encode(text));
            Shown { text: format!("bytes({})", base64.as_deref().unwrap_or_default()), json: base64.into() }
        }
    }
}

fn plain(value: &serde_json::Value) -> Shown {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Shown { text, json: value.clone() }
}
