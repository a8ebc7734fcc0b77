//! The activities of an inventory: list, count and compress files.

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

#[cfg(not(target_family = "wasm"))]
use crate::files;
use crate::{Compressed, Counted, Folder, Page};

/// The activities. They share no state.
#[derive(Debug, Default)]
pub struct InventoryActivities;

#[activities]
impl InventoryActivities {
    /// Lists at most `length` files whose names sort after `after`. It runs in the thread pool.
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

    /// Hashes and counts files; `None` for a file that was removed. It runs in the thread pool.
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

    /// Compresses files and adds up the sizes. It runs in the process pool, so that a crash ends a child
    /// process and not the host.
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
