//! `host config delete`.

use anyhow::bail;
use clap::Args;

use super::{Place, property::Property};
use crate::output::Output;

/// Deletes a property of a profile.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config delete --prop tls.client_cert_path
  host config delete --profile cloud --prop tls")]
pub(super) struct Delete {
    /// Property; `tls` deletes all of its own, too, so that it no longer turns TLS on.
    #[arg(short, long, value_name = "NAME")]
    prop: Property,
}

impl Delete {
    pub(super) fn run(self, place: &Place, output: Output) -> anyhow::Result<()> {
        let mut file = place.read()?;
        let profile = place.profile();
        let name = self.prop.name();
        if !file.delete(&profile, &self.prop)? {
            bail!("profile {profile} has no {name} in {}", file.path().display());
        }
        file.write()?;
        output.note(format!("{name} of profile {profile} is deleted in {}", file.path().display()));
        Ok(())
    }
}
