use sha2::{Digest as _, Sha256};

use super::*;
use crate::modules::audit::AuditAction;

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn admit(store: &mut ModuleStore, bytes: &[u8], types: &[&str]) {
    let source = Path::new("some.wasm");
    store.admit(&NewAdmission { source, ..admission(&digest(bytes), bytes, types) }).unwrap();
}

fn admission<'a>(digest: &'a Digest, bytes: &'a [u8], types: &'a [&'a str]) -> NewAdmission<'a> {
    NewAdmission {
        digest,
        bytes,
        signature: None,
        source: Path::new("elsewhere.wasm"),
        types,
        moves: false,
        instead_of: &[],
        audit: None,
        now: SystemTime::UNIX_EPOCH,
    }
}

/// The store as text: one module a line, in order.
fn check(store: &ModuleStore, expected: &[(&[u8], &[&str])]) {
    let admitted: Vec<_> = store.admitted().unwrap();
    let found: Vec<_> = admitted.iter().map(|module| (module.digest, module.types.clone())).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(bytes, types)| (digest(bytes), types.iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(found, expected);
    assert!(admitted.is_sorted_by(|one, other| one.position < other.position));
}

#[test]
fn admissions_are_kept_in_order_across_restarts_and_between_processes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    check(&store, &[]);
    admit(&mut store, b"one", &["A", "B"]);
    let mut other = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    admit(&mut other, b"two", &["A"]);
    check(&store, &[(b"one", &["A", "B"]), (b"two", &["A"])]);
    drop(store);
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    admit(&mut store, b"one", &["A", "B"]);
    check(&other, &[(b"two", &["A"]), (b"one", &["A", "B"])]);
    assert_eq!(other.bytes(&digest(b"one")).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(other.bytes(&digest(b"three")).unwrap(), None);
    assert_eq!(other.find(&digest(b"one")).unwrap().unwrap().size_bytes, 3);
    assert_eq!(other.find(&digest(b"three")).unwrap(), None);
}

#[test]
fn many_hosts_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for host in 0..8_u8 {
            let folder = folder.path();
            scope.spawn(move || {
                let mut store = ModuleStore::open(folder, StoreAccess::Owner).unwrap();
                admit(&mut store, &[host], &["A"]);
            });
        }
    });
    assert_eq!(ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap().admitted().unwrap().len(), 8);
}

#[test]
fn a_damaged_module_is_not_given_out_and_admitting_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    admit(&mut store, b"one", &["A"]);
    fs::write(store.path(&digest(b"one")), b"on").unwrap();
    assert!(matches!(store.bytes(&digest(b"one")), Err(StoreError::Damaged { .. })));
    admit(&mut store, b"one", &["A"]);
    assert_eq!(store.bytes(&digest(b"one")).unwrap().as_deref(), Some(&b"one"[..]));
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, b"a file").unwrap();
    let error = ModuleStore::open(&taken, StoreAccess::Owner).unwrap_err().to_string();
    assert_eq!(error, format!("create folder {}", taken.join("modules").display()));
}

#[test]
fn a_list_of_a_newer_host_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    store.database.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(store);
    let error = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found, .. } if found == SCHEMA_VERSION + 1));
}

#[test]
fn a_list_of_version_1_is_migrated_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("modules")).unwrap();
    let path = folder.path().join("modules/admitted.sqlite");
    schema::tests::version_1(&Connection::open(&path).unwrap(), &digest(b"one").to_string());
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    check(&store, &[(b"one", &["A"])]);
    assert!(!store.admitted().unwrap()[0].moves);
    admit(&mut store, b"two", &["A"]);
    check(
        &ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap(),
        &[(b"one", &["A"]), (b"two", &["A"])],
    );
}

#[test]
fn another_module_serves_in_the_place_of_a_file_until_the_file_is_admitted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    admit(&mut store, b"one", &["A"]);
    admit(&mut store, b"two", &["A"]);
    let file = PathBuf::from("some.wasm");
    let entry = AuditEntry::now(
        "test",
        AuditAction::RolledBack,
        vec![digest(b"two").to_string()],
        digest(b"one").to_string(),
    );
    let one = digest(b"one");
    let instead_of = [(file.clone(), digest(b"two"))];
    let rollback = NewAdmission {
        instead_of: &instead_of,
        audit: Some(&entry),
        moves: true,
        ..admission(&one, b"one", &["A"])
    };
    store.admit(&rollback).unwrap();
    let instead = Instead { content: digest(b"two"), digest: one };
    let reopened = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    assert_eq!(reopened.instead().unwrap(), BTreeMap::from([(file, instead)]));
    assert_eq!(reopened.audit_log(10).unwrap(), [entry]);
    assert!(reopened.find(&one).unwrap().unwrap().moves);
    admit(&mut store, b"three", &["A"]);
    assert!(store.instead().unwrap().is_empty(), "the file was admitted itself");
}

#[test]
fn a_list_of_version_2_is_migrated_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("modules")).unwrap();
    let path = folder.path().join("modules/admitted.sqlite");
    let (one, left) = (digest(b"one"), digest(b"left"));
    schema::tests::version_2(&Connection::open(&path).unwrap(), &one.to_string(), &left.to_string());
    let store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    check(&store, &[(b"one", &["A"])]);
    assert_eq!(store.adoptions().unwrap(), BTreeMap::from([(left, one)]));
    assert!(store.moves().unwrap().is_empty());
    assert_eq!(store.canary().unwrap(), None);
}

fn entry(action: AuditAction) -> AuditEntry {
    AuditEntry::now("test", action, Vec::new(), digest(b"one").to_string())
}

#[test]
fn moves_by_hand_are_kept_until_their_runs_close() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    admit(&mut store, b"one", &["A"]);
    let runs = ["r1".to_owned(), "r2".to_owned()];
    let one = digest(b"one");
    let moved = store.move_runs(&runs, &one, &entry(AuditAction::Moved)).unwrap();
    assert_eq!(moved, RunMove { to: one, position: 1 });
    admit(&mut store, b"two", &["A"]);
    let two = digest(b"two");
    let again = store.move_runs(&runs[..1], &two, &entry(AuditAction::Moved)).unwrap();
    assert_eq!(again.position, 2);
    drop(store);
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    let moves = store.moves().unwrap();
    assert_eq!((moves.len(), moves["r1"], moves["r2"]), (2, again, moved));
    assert!(store.remove(&two, &entry(AuditAction::Pruned)).is_err(), "a run moves to it");
    store.forget_move("r1").unwrap();
    assert_eq!(store.moves().unwrap().len(), 1);
    store.remove(&two, &entry(AuditAction::Pruned)).unwrap();
    assert_eq!(store.kept().unwrap(), [one]);
    check(&store, &[(b"one", &["A"])]);
    assert_eq!(store.audit_log(10).unwrap().len(), 3);
}

#[test]
fn a_canary_is_kept_until_it_ends_or_is_admitted() {
    use crate::modules::canary::{CanaryPlan, CanaryState, Share};
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    let plan = CanaryPlan {
        steps: Vec::new(),
        max_failed_tasks: Share::NONE,
        max_failed_runs: Share::ALL,
        min_count: 1,
        policy: None,
    };
    let state = CanaryState {
        digest: digest(b"one").to_string(),
        file: "one.wasm".to_owned(),
        who: "test".to_owned(),
        plan,
        step: 0,
        elapsed_ms: 7,
        counts: Default::default(),
        timed_out: Default::default(),
    };
    let mut other = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    store.begin_canary(&state, &entry(AuditAction::CanaryStarted)).unwrap();
    // Each host adds to what the others have written.
    let step = |to: usize| {
        move |state: &mut CanaryState| {
            let is_new = state.step != to;
            (state.step, state.counts.runs) = (to, state.counts.runs + 1);
            is_new
        }
    };
    let stepped = entry(AuditAction::CanaryStepped);
    let written = other.update_canary(&state.digest, step(1), Some(&stepped)).unwrap().unwrap();
    assert_eq!((written.step, written.counts.runs), (1, 1));
    store.update_canary(&state.digest, step(1), Some(&stepped)).unwrap();
    assert_eq!(store.update_canary("another", step(2), Some(&stepped)).unwrap(), None);
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    assert_eq!(store.canary().unwrap(), Some(written));
    admit(&mut store, b"two", &["A"]);
    assert!(store.canary().unwrap().is_some());
    admit(&mut store, b"one", &["A"]);
    assert_eq!(store.canary().unwrap(), None, "it was promoted");
    store.begin_canary(&state, &entry(AuditAction::CanaryStarted)).unwrap();
    store.end_canary(&entry(AuditAction::CanaryStopped)).unwrap();
    assert_eq!(store.canary().unwrap(), None);
    let actions: Vec<_> = store.audit_log(10).unwrap().into_iter().map(|entry| entry.action).collect();
    let [started, stepped, stopped] =
        [AuditAction::CanaryStarted, AuditAction::CanaryStepped, AuditAction::CanaryStopped];
    assert_eq!(actions, [started, stepped, started, stopped]);
}

#[test]
fn the_version_changes_with_what_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    let mut other = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
    let before = store.version().unwrap();
    admit(&mut store, b"one", &["A"]);
    assert_eq!(store.version().unwrap(), before);
    admit(&mut other, b"two", &["A"]);
    assert_ne!(store.version().unwrap(), before);
}
