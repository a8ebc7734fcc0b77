//! Data folders of earlier formats, which are kept in `tests/folders`: each opens, and says what it
//! said when it was made.

mod dump;
mod make;

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use self::dump::dump;
use crate::{
    Options, Server,
    environment::{Blocking, Clock, Environment, Ids},
    storage::SqliteStorage,
    time::Time,
};

/// The files of a folder that was copied while a process used it. The WAL of `log.sqlite` is one of
/// them: it holds transitions that neither file has yet, as after a crash.
const FILES: [&str; 3] = ["log.sqlite", "log.sqlite-wal", "runs.sqlite"];

fn kept(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/folders/format-{format}"))
}

/// A copy of a kept folder, to be changed.
fn copy(format: u32) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(kept(format).join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// What the service says about a folder at the time at which it was made.
async fn said(folder: &Path, format: u32) -> String {
    let now = Time(fs::read_to_string(kept(format).join("time")).unwrap().parse().unwrap());
    let environment =
        Environment { clock: Clock::new(move || now), ids: Ids::random(), blocking: Blocking::AtOnce };
    let server = Server::start(SqliteStorage::open(folder).unwrap(), Options::default(), environment);
    dump(&server.service()).await
}

fn check(said: &str, format: u32) {
    let expected = fs::read_to_string(kept(format).join("expected.jsonl")).unwrap();
    for (said, expected) in said.lines().zip(expected.lines()) {
        assert_eq!(said, expected);
    }
    assert_eq!(said.lines().count(), expected.lines().count());
}

#[tokio::test]
async fn a_folder_of_an_earlier_format_says_what_it_said() {
    let folder = copy(2);
    check(&said(folder.path(), 2).await, 2);
    // And again, after it was written.
    check(&said(folder.path(), 2).await, 2);
}
