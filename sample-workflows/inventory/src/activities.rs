//! Files: list, count, compress.

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

#[cfg(not(target_family = "wasm"))]
use crate::files;
use crate::{Compressed, Counted, Folder, Page};

/// Has no state.
#[derive(Debug, Default)]
pub struct InventoryActivities;

#[activities]
impl InventoryActivities {
    /// The files whose names come after `after`, at most `length`. In the thread pool.
    #[activity]
    pub fn list_files(
        ctx: ActivityContext,
        folder: Folder,
        after: String,
        length: usize,
    ) -> Result<Page, ActivityError> {
        let found = files::walk(&ctx, &folder)?;
        let rest = &found.files[found.files.partition_point(|file| *file <= after)..];
        Ok(Page {
            files: rest.iter().take(length).cloned().collect(),
            left_out: if after.is_empty() { found.left_out } else { 0 },
            last: rest.len() <= length,
        })
    }

    /// Hashes and counts files; none for a file that is gone. In the thread pool.
    #[activity]
    pub fn count_files(
        ctx: ActivityContext,
        folder: Folder,
        names: Vec<String>,
    ) -> Result<Vec<Option<Counted>>, ActivityError> {
        files::each(&ctx, &folder, &names, |file| {
            let mut count = files::Count::default();
            std::io::copy(file, &mut count)?;
            Ok(count.finish())
        })
    }

    /// Compresses files and adds up the sizes. In the process pool: a child that dies of a file does not
    /// take the host with it.
    #[activity(process)]
    pub fn compress_files(
        ctx: ActivityContext,
        folder: Folder,
        names: Vec<String>,
    ) -> Result<Compressed, ActivityError> {
        let sizes = files::each(&ctx, &folder, &names, files::compress)?;
        Ok(sizes.into_iter().flatten().fold(Compressed::default(), |sum, size| Compressed {
            deflate_1_bytes: sum.deflate_1_bytes + size.deflate_1_bytes,
            deflate_9_bytes: sum.deflate_9_bytes + size.deflate_9_bytes,
        }))
    }
}
