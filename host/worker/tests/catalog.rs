//! Which module serves new runs, which one executes old ones: at start, after restarts, while files
//! change, and with several hosts on one store.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{
    error::Error as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use host_sandbox::{Digest, Engine};
use host_worker::modules::{
    LoadedModule,
    audit::{AuditAction, AuditEntry},
    canary::{CanaryCounts, CanaryPlan, CanaryState, CanaryStep, Share, TimedOutRuns},
    catalog::{BadFiles, Catalog, CatalogError, CatalogOptions, FileOrder, ResolveError, StoreWatch, Terms},
    files,
    store::{ModuleStore, StoreAccess},
    watch::Watch,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The script guest, which defines the types `Another` and `Script`.
static SCRIPT: LazyLock<Vec<u8>> = LazyLock::new(|| support::guest("script"));
static ENGINE: LazyLock<Engine> = LazyLock::new(support::engine);

/// How long a watched change may take to be noticed on a busy machine.
const NOTICED: Duration = Duration::from_secs(60);

/// A machine with a store and a folder of modules.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("modules")).unwrap();
        Self { folder }
    }

    fn modules(&self) -> PathBuf {
        self.folder.path().join("modules")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.modules().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.file(name), bytes).unwrap();
    }

    /// A host on the store, with files and folders.
    fn host(&self, paths: &[PathBuf]) -> Result<Arc<Catalog>, CatalogError> {
        self.open(paths, BadFiles::Refuse, FileOrder::Unknown)
    }

    /// A host whose files are in order.
    fn host_in_order(&self, paths: &[PathBuf]) -> Arc<Catalog> {
        self.open(paths, BadFiles::Refuse, FileOrder::OldestFirst).unwrap()
    }

    fn open(
        &self,
        paths: &[PathBuf],
        bad_files: BadFiles,
        order: FileOrder,
    ) -> Result<Arc<Catalog>, CatalogError> {
        Catalog::open(CatalogOptions { bad_files, order, ..self.options(paths) }).map(Arc::new)
    }

    fn options(&self, paths: &[PathBuf]) -> CatalogOptions {
        CatalogOptions::new(ENGINE.clone(), self.folder.path().join("data"), paths.to_vec())
    }

    fn host_on_folder(&self) -> Arc<Catalog> {
        self.host(&[self.modules()]).unwrap()
    }
}

fn version(number: u8) -> Vec<u8> {
    support::version(&SCRIPT, number)
}

async fn resolve(catalog: &Arc<Catalog>, number: u8) -> Result<Arc<LoadedModule>, ResolveError> {
    catalog.resolve(&digest(number)).await
}

fn digest(number: u8) -> Digest {
    Digest(Sha256::digest(version(number)).into())
}

/// The version that serves new runs.
#[track_caller]
fn check_serving(catalog: &Catalog, expected: u8) {
    let module = catalog.newest_for_type("Script").unwrap();
    assert_eq!(module.digest(), digest(expected));
    assert_eq!(catalog.known_types(), ["Another", "Script"]);
    assert!(catalog.newest_for_type("Elsewhere").is_none());
}

/// Watches the files of a catalog, and admits what changes in them.
fn watch(catalog: &Arc<Catalog>) -> Watch {
    let admitting = Arc::clone(catalog);
    Watch::start(Arc::clone(catalog), move |path| drop(admitting.admit_file(path))).unwrap()
}

/// The whole message of an error.
fn message(error: &CatalogError) -> String {
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[tokio::test]
async fn a_replaced_file_serves_new_runs_and_the_old_module_stays_for_runs_that_name_it() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    check_serving(&machine.host_on_folder(), 1);

    machine.write("script.wasm", &version(2));
    let host = machine.host_on_folder();
    check_serving(&host, 2);
    let old = resolve(&host, 1).await.unwrap();
    assert_eq!(old.digest(), digest(1));
    assert_eq!(old.source(), Some(&machine.file("script.wasm")));
    assert!(Arc::ptr_eq(&old, &resolve(&host, 1).await.unwrap()), "loaded once while in use");

    machine.write("script.wasm", &version(1));
    check_serving(&machine.host_on_folder(), 1);

    // Files that an operator removed from the store come back with the module.
    let kept = machine.folder.path().join("data/modules").join(format!("{}.wasm", digest(1)));
    fs::remove_file(&kept).unwrap();
    check_serving(&machine.host_on_folder(), 1);
    assert_eq!(fs::read(&kept).unwrap(), version(1));
}

#[test]
fn of_several_versions_the_latest_admitted_one_serves() {
    let machine = Machine::new();
    machine.write("b.wasm", &version(1));
    check_serving(&machine.host_on_folder(), 1);
    machine.write("a.wasm", &version(2));
    check_serving(&machine.host_on_folder(), 2);
    check_serving(&machine.host_on_folder(), 2);
    check_serving(&machine.host(&[machine.file("b.wasm")]).unwrap(), 1);
    check_serving(&machine.host(&[machine.file("a.wasm"), machine.file("b.wasm")]).unwrap(), 2);
}

#[tokio::test]
async fn a_host_executes_what_another_one_admitted_to_the_same_store() {
    let machine = Machine::new();
    machine.write("one.wasm", &version(1));
    machine.write("two.wasm", &version(2));
    let one = machine.host(&[machine.file("one.wasm")]).unwrap();
    let two = machine.host(&[machine.file("two.wasm")]).unwrap();
    check_serving(&one, 1);
    check_serving(&two, 2);
    assert_eq!(resolve(&one, 2).await.unwrap().digest(), digest(2));
    assert_eq!(resolve(&two, 1).await.unwrap().digest(), digest(1));
    assert!(matches!(resolve(&one, 3).await, Err(ResolveError::Unknown { .. })));
}

#[test]
fn two_new_modules_with_one_type_are_refused_and_both_files_named() {
    let machine = Machine::new();
    machine.write("a.wasm", &version(1));
    machine.write("b.wasm", &version(2));
    let error = machine.host(&[machine.modules()]).unwrap_err();
    assert_eq!(
        message(&error),
        format!(
            "{} and {} both define workflow type `Another`, and neither was admitted before: with \
             --modules-in-order --modules names the older one first",
            machine.file("a.wasm").display(),
            machine.file("b.wasm").display()
        )
    );
    // Nothing was admitted: one of them alone is still new, and the same file twice is no conflict.
    machine.write("b.wasm", &version(1));
    check_serving(&machine.host_on_folder(), 1);
}

#[tokio::test]
async fn a_new_host_takes_several_versions_in_their_order() {
    let machine = Machine::new();
    machine.write("v9.wasm", &version(1));
    machine.write("v10.wasm", &version(2));
    let folder = [machine.modules()];
    check_serving(&machine.host_in_order(&folder), 2);
    // The order says what was not known, and is not needed afterwards.
    let again = machine.host(&folder).unwrap();
    check_serving(&again, 2);
    assert_eq!(resolve(&again, 1).await.unwrap().digest(), digest(1));
}

#[test]
fn numbers_in_names_count() {
    let folder = tempfile::tempdir().unwrap();
    let sorted = [
        "orders",
        "orders-v1",
        "orders-v2",
        "orders-v9",
        "orders-v10",
        "orders-v10-2",
        "orders-v010-11",
        "orders-v11",
        "x1",
        "x01a",
    ];
    for name in sorted {
        fs::write(folder.path().join(format!("{name}.wasm")), b"").unwrap();
    }
    let found = files::list(&[folder.path().to_owned()]).unwrap();
    let found: Vec<&str> = found.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(found, sorted);
    // What is named first comes first.
    let named = folder.path().join("orders-v10.wasm");
    let found = files::list(&[named.clone(), folder.path().to_owned()]).unwrap();
    assert_eq!((&found[0], found.len()), (&named, sorted.len()));
}

#[tokio::test]
async fn an_older_version_that_comes_later_takes_nothing() {
    let machine = Machine::new();
    machine.write("v2.wasm", &version(2));
    check_serving(&machine.host_on_folder(), 2);
    machine.write("v1.wasm", &version(1));
    let again = machine.host_in_order(&[machine.modules()]);
    check_serving(&again, 2);
    assert_eq!(resolve(&again, 1).await.unwrap().digest(), digest(1));
    let newest = again.admitted().unwrap().pop().unwrap();
    assert_eq!(newest.digest, digest(2));

    // What was rolled back by hand stays so, also where another file is new.
    again.admit(again.stored_candidate(&digest(1)).unwrap(), Terms::default()).unwrap();
    machine.write("v0.wasm", &version(3));
    let again = machine.host_in_order(&[machine.modules()]);
    check_serving(&again, 1);
    assert_eq!(resolve(&again, 3).await.unwrap().digest(), digest(3));
    check_serving(&machine.host_on_folder(), 1);
}

#[test]
fn what_is_no_module_is_named() {
    let machine = Machine::new();
    let check = |path: &Path, expected: &str| {
        let error = machine.host(&[path.to_owned()]).unwrap_err();
        let found = message(&error);
        assert!(found.starts_with(&expected.replace("PATH", path.to_str().unwrap())), "{found}");
    };
    check(&machine.modules(), "no *.wasm file in folder PATH");
    check(&machine.file("absent.wasm"), "read PATH: No such file");
    machine.write("text.wasm", b"text");
    check(&machine.file("text.wasm"), "load module PATH: not a WebAssembly component");
    machine.write("short.wasm", &SCRIPT[..SCRIPT.len() / 2]);
    check(&machine.file("short.wasm"), "load module PATH: not a valid component");
}

#[tokio::test]
async fn watched_files_are_swapped_and_bad_ones_change_nothing() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    let catalog = machine.host_on_folder();
    let _watch = watch(&catalog);
    let mut admissions = catalog.subscribe();

    machine.write("script.wasm", &SCRIPT[..1000]);
    assert!(catalog.admit_file(&machine.file("script.wasm")).is_err());
    check_serving(&catalog, 1);

    let old = catalog.newest_for_type("Script").unwrap();
    machine.write("script.wasm", &version(2));
    tokio::time::timeout(NOTICED, admissions.changed()).await.unwrap().unwrap();
    check_serving(&catalog, 2);

    // The former module is unloaded with the last run that uses it, and comes back when it is named.
    let unused = Arc::downgrade(&old);
    assert!(Arc::ptr_eq(&old, &resolve(&catalog, 1).await.unwrap()));
    drop(old);
    // The watch may still have it in hand.
    let gone = async {
        while unused.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NOTICED, gone).await.expect("the former module is unloaded");
    assert_eq!(resolve(&catalog, 1).await.unwrap().digest(), digest(1));

    // Another file with the type is newer; so is the first one when it changes back.
    machine.write("another.wasm", &version(3));
    tokio::time::timeout(NOTICED, admissions.changed()).await.unwrap().unwrap();
    check_serving(&catalog, 3);
    machine.write("script.wasm", &version(1));
    tokio::time::timeout(NOTICED, admissions.changed()).await.unwrap().unwrap();
    check_serving(&catalog, 1);
    let admitted = catalog.admitted().unwrap();
    let order: Vec<Digest> = admitted.iter().map(|module| module.digest).collect();
    assert_eq!(order, [digest(2), digest(3), digest(1)]);
}

#[test]
fn a_host_that_watches_starts_again_with_the_files_that_it_ran_with() {
    let machine = Machine::new();
    let start = || machine.open(&[machine.modules()], BadFiles::KeepFormer, FileOrder::Unknown);
    machine.write("script.wasm", b"never a module");
    let error = start().unwrap_err();
    assert!(matches!(error, CatalogError::Load { .. }), "{error}");

    machine.write("script.wasm", &version(1));
    check_serving(&start().unwrap(), 1);
    machine.write("script.wasm", &version(2));
    check_serving(&start().unwrap(), 2);
    // Half of a file, as of a build that was stopped, and a file that was never a module.
    machine.write("script.wasm", &SCRIPT[..SCRIPT.len() / 2]);
    machine.write("new.wasm", b"not a module yet");
    assert!(machine.host(&[machine.modules()]).is_err(), "without a watch nothing is left out");
    check_serving(&start().unwrap(), 2);
    machine.write("script.wasm", &version(3));
    check_serving(&start().unwrap(), 3);
}

#[tokio::test]
async fn a_module_that_does_not_load_is_not_tried_again_at_once_and_holds_up_no_other() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    let host = machine.host_on_folder();
    let bad_module = test_harness::compiler_bomb(200, 200);
    let bad = Digest(Sha256::digest(&bad_module).into());
    let data = machine.folder.path().join("data");
    ModuleStore::open(&data, StoreAccess::Owner).unwrap().keep(&bad, &bad_module, None).unwrap();

    let all = futures_util::future::join_all((0..3).map(|_| host.resolve(&bad)));
    let (mut refused, good) = tokio::join!(all, resolve(&host, 1));
    good.unwrap();
    refused.push(host.resolve(&bad).await);
    let errors: Vec<_> = refused
        .into_iter()
        .map(|result| match result.unwrap_err() {
            ResolveError::Load { source, .. } => source,
            other => panic!("{other}"),
        })
        .collect();
    assert!(errors.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])), "it was tried once");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let machine = Machine::new();
    let pipe = machine.file("pipe.wasm");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = machine.host(std::slice::from_ref(&pipe)).unwrap_err().to_string();
    assert!(error.ends_with("is not a regular file"), "{error}");
    // In a folder it is no module.
    machine.write("script.wasm", &version(1));
    let host = machine.host_on_folder();
    check_serving(&host, 1);
    assert!(host.admit_file(&pipe).is_err());
}

#[test]
fn the_store_belongs_to_its_user() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    let store = machine.folder.path().join("data/modules");
    fs::create_dir_all(&store).unwrap();
    let mode = || fs::metadata(&store).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
    let shared = ModuleStore::open(&machine.folder.path().join("data"), StoreAccess::AsItIs);
    drop(shared.unwrap());
    assert_eq!(mode(), 0o755);
    let host = machine.host_on_folder();
    assert_eq!(mode(), 0o700);

    // With `StoreAccess::AsItIs` the folder says who may read the modules.
    let plain = machine.folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let module = store.join(format!("{}.wasm", host.newest_for_type("Script").unwrap().digest()));
    assert_eq!(mode(&module), mode(&plain));
}

#[tokio::test]
async fn what_another_host_decides_is_learned() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    let (one, two) = (machine.host_on_folder(), machine.host_on_folder());
    let mut watch = StoreWatch::new(Arc::clone(&two));
    let look = |watch: &mut StoreWatch, expected: bool| assert_eq!(watch.look().unwrap(), expected);
    look(&mut watch, true);
    look(&mut watch, false);

    let elsewhere = machine.folder.path().join("elsewhere.wasm");
    fs::write(&elsewhere, version(2)).unwrap();
    one.admit(one.candidate(&elsewhere).unwrap(), Terms::default()).unwrap();
    check_serving(&two, 1);
    look(&mut watch, true);
    check_serving(&two, 2);
    one.admit(one.stored_candidate(&digest(1)).unwrap(), Terms::default()).unwrap();
    look(&mut watch, true);
    check_serving(&two, 1);
    // The file itself, as one of them finds it.
    machine.write("script.wasm", &version(3));
    one.admit_file(&machine.file("script.wasm")).unwrap();
    look(&mut watch, true);
    check_serving(&two, 3);
    // What this one writes is no news to it.
    two.admit(two.stored_candidate(&digest(1)).unwrap(), Terms::default()).unwrap();
    look(&mut watch, false);
    check_serving(&two, 1);

    let entry = AuditEntry::now("test", AuditAction::Moved, Vec::new(), digest(2).to_string());
    one.move_runs(&["run".to_owned()], &digest(2), &entry).unwrap();
    assert_eq!(two.moved("run"), None);
    look(&mut watch, true);
    assert_eq!(two.moved("run").unwrap().to, digest(2));

    // A run that has it goes on, and no other finds it.
    let in_use = resolve(&two, 3).await.unwrap();
    let data = machine.folder.path().join("data");
    let mut store = ModuleStore::open(&data, StoreAccess::Owner).unwrap();
    store.remove(&digest(3), &entry).unwrap();
    assert!(Arc::ptr_eq(&in_use, &resolve(&two, 3).await.unwrap()));
    look(&mut watch, true);
    assert!(matches!(resolve(&two, 3).await, Err(ResolveError::Unknown { .. })));
}

#[test]
fn a_canary_of_another_host_is_learned_with_its_end() {
    let machine = Machine::new();
    machine.write("script.wasm", &version(1));
    let (one, two) = (machine.host_on_folder(), machine.host_on_folder());
    let mut watch = StoreWatch::new(Arc::clone(&two));
    let elsewhere = machine.folder.path().join("elsewhere.wasm");
    fs::write(&elsewhere, version(2)).unwrap();
    let plan = CanaryPlan {
        steps: vec![CanaryStep { share: Share::ALL, lasts_ms: None }],
        max_failed_tasks: Share::NONE,
        max_failed_runs: Share::NONE,
        min_count: 1,
        policy: None,
    };
    let state = CanaryState {
        digest: digest(2).to_string(),
        file: elsewhere.display().to_string(),
        who: "test".to_owned(),
        plan,
        step: 0,
        elapsed_ms: 0,
        counts: CanaryCounts::default(),
        timed_out: TimedOutRuns::default(),
    };
    let entry = AuditEntry::now("test", AuditAction::CanaryStarted, Vec::new(), state.digest.clone());
    one.begin_canary(one.candidate(&elsewhere).unwrap(), state, &entry).unwrap();
    assert!(two.canary().is_none());
    watch.look().unwrap();
    assert_eq!(two.canary().unwrap().digest, digest(2).to_string());
    check_serving(&two, 1);
    one.admit(one.canary_candidate().unwrap(), Terms::default()).unwrap();
    watch.look().unwrap();
    assert!(two.canary().is_none());
    check_serving(&two, 2);
}
