//! An activity that a worker executes for as long as a test wants.

use std::{path::Path, thread::sleep, time::Duration};

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

/// Has no state.
#[derive(Debug, Default)]
pub struct HeldActivities;

#[activities]
impl HeldActivities {
    /// Writes a file `held`, and waits until `folder` has a file `go`.
    #[activity]
    pub fn hold_until_go(_ctx: ActivityContext, folder: String) -> Result<(), ActivityError> {
        let folder = Path::new(&folder);
        std::fs::write(folder.join("held"), "")?;
        while !folder.join("go").exists() {
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
