//! `host config set`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use toml_edit::Value;

use super::{
    Place,
    property::{Field, Kind, Property, Users},
};
use crate::{exit::Usage, output::Output};

/// Sets a property of a profile. A profile or file that is not there is made.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config set --prop address --value temporal.example:7233
  host config set --profile cloud --prop api_key --value-file key.txt
  host config set --profile cloud --prop grpc_meta.some-key --value text
  host config set --prop tls --value true")]
pub(super) struct Set {
    /// Property, such as address, namespace, api_key, tls.server_name or grpc_meta.KEY.
    #[arg(short, long, value_name = "NAME")]
    prop: Property,
    /// Value. Other users of this machine can see arguments: prefer --value-file for secrets.
    #[arg(
        short,
        long,
        value_name = "TEXT",
        required_unless_present = "value_file",
        allow_hyphen_values = true
    )]
    value: Option<String>,
    /// File with the value, without the line end at its end.
    #[arg(long, value_name = "PATH", conflicts_with = "value")]
    value_file: Option<PathBuf>,
}

impl Set {
    pub(super) fn run(self, place: &Place, output: Output) -> anyhow::Result<()> {
        let value = value(&self.prop, self.text()?)?;
        let mut file = place.read()?;
        let profile = place.profile();
        file.set(&profile, &self.prop, value)?;
        file.write()?;
        output.note(format!("{} of profile {profile} is set in {}", self.prop.name(), file.path().display()));
        if let Property::Field(Field { users: Users::Temporal, .. }) = self.prop {
            output.note("This program does not read it; `temporal` does.");
        }
        Ok(())
    }

    fn text(&self) -> anyhow::Result<String> {
        match (&self.value, &self.value_file) {
            (Some(value), _) => Ok(value.clone()),
            // clap asks for one of the two.
            (None, None) => Ok(String::new()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text =
                    text.with_context(|| format!("failed to read {} (--value-file)", path.display()))?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
            }
        }
    }
}

fn value(property: &Property, text: String) -> Result<Value, Usage> {
    let is_bool = matches!(property, Property::Tls | Property::Field(Field { kind: Kind::Bool, .. }));
    match text.as_str() {
        "true" if is_bool => Ok(true.into()),
        "false" if is_bool => Ok(false.into()),
        _ if is_bool => Err(Usage(format!("--value: {} is true or false", property.name()))),
        _ => Ok(text.into()),
    }
}
