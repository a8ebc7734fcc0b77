//! `host config delete-profile`.

use clap::Args;

use super::Place;
use crate::{exit::Usage, output::Output};

/// Deletes a profile with all that is in it; --profile has to name it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config delete-profile --profile cloud")]
pub(super) struct DeleteProfile {}

impl DeleteProfile {
    pub(super) fn run(self, place: &Place, output: Output) -> anyhow::Result<()> {
        // Neither the variable nor the default is taken for it.
        let Some(profile) = &place.profile else {
            return Err(Usage("to delete an entire profile, --profile has to name it".to_owned()).into());
        };
        let mut file = place.read()?;
        file.delete_profile(profile)?;
        file.write()?;
        output.note(format!("profile {profile} is deleted in {}", file.path().display()));
        Ok(())
    }
}
