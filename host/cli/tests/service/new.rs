//! What `host new` makes. That its sources build and their tests pass is held by `tests/starter`, which has them; that
//! all of it does, by `just new`.

use std::{fs, path::Path, process::Command};

use test_harness::{Output, run, workspace_root};
use toml::Table;

use crate::service::host;

fn new(folder: &Path, arguments: &[&str]) -> Output {
    run(host(&[&["new"], arguments].concat()).current_dir(folder)).unwrap()
}

/// Every file is there, and cargo takes the crate as it is, with all it depends on, without the network.
pub(crate) fn a_new_crate_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let made = new(folder.path(), &["my-shop"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(
        made.stdout.starts_with("  cd my-shop\n  cargo test\n  cargo module && cargo serve\n"),
        "{made:?}"
    );
    assert!(made.stdout.contains("--type Birthday --task-queue my-shop "), "{made:?}");
    assert!(made.stderr.contains(&format!("come from {}", workspace_root().display())), "{made:?}");
    let shop = folder.path().join("my-shop");
    let text =
        |path: &str| fs::read_to_string(shop.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    for path in ["README.md", ".gitignore", "src/lib.rs", "tests/replay.rs", "histories/ada.json"] {
        assert!(!text(path).contains('@'), "{path}");
    }
    assert!(text("src/main.rs").contains("activities(my_shop::Kitchen)"));
    assert!(text("tests/workflow.rs").contains("use my_shop::{"));
    assert!(text(".cargo/config.toml").contains("target/wasm32-wasip2/workflow/my_shop.wasm"));
    assert!(fs::read_dir(folder.path()).unwrap().count() == 1, "a draft is left");

    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let tree = run(cargo.args(["tree", "--offline", "--depth", "1"]).current_dir(&shop)).unwrap();
    assert_eq!(tree.code, 0, "{}", tree.stderr);
    assert!(tree.stdout.starts_with("my-shop v0.1.0 "), "{tree:?}");
    for name in ["guest-sdk ", "host ", "replay-test ", "workflow-test "] {
        assert!(tree.stdout.contains(name), "{tree:?}");
    }
    // The versions that are tested here, and no others.
    let versions = |path: &Path| {
        let lock: Table = fs::read_to_string(path).unwrap().parse().unwrap();
        let packages = lock["package"].as_array().unwrap().clone();
        packages.into_iter().map(|package| (package["name"].to_string(), package["version"].to_string()))
    };
    let ours: Vec<_> = versions(&workspace_root().join("Cargo.lock")).collect();
    let other: Vec<_> =
        versions(&shop.join("Cargo.lock")).filter(|package| !ours.contains(package)).collect();
    assert!(other.iter().all(|(name, _)| name == "\"my-shop\""), "{other:?}");
}

/// A crate elsewhere has none of this workspace's settings, so it has them itself.
pub(crate) fn profiles_are_those_of_this_workspace() {
    let text = |path: &str| fs::read_to_string(workspace_root().join(path)).unwrap();
    let read = |path: &str| -> Table { text(path).parse().unwrap() };
    let template = text("host/cli/template/manifest.toml");
    // What is before has places for dependencies, and is no TOML yet.
    let template: Table = template[template.find("[profile.dev]").unwrap()..].parse().unwrap();
    let ours = read("Cargo.toml");
    for profile in ["dev", "workflow"] {
        assert_eq!(ours["profile"][profile], template["profile"][profile], "{profile}");
    }
    let (ours, template) = (read(".cargo/config.toml"), read("host/cli/template/cargo-config.toml"));
    assert_eq!(ours["env"], template["env"]);
}

pub(crate) fn mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let refused = new(folder.path(), arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
    };
    check(&[], 2, "<NAME>");
    check(&["Hello"], 2, "\"Hello\" cannot be the name of the crate: it has small letters");
    check(&["a/host"], 2, "\"host\" cannot be the name of the crate: Rust, cargo or a dependency");
    check(&["hello", "--path", "/"], 2, "--path / is no checkout of this program's source");
    check(&["hello", "--path", "/", "--git", "x"], 2, "cannot be used with");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    fs::create_dir(folder.path().join("there")).unwrap();
    check(&["there"], 1, "there is there already: choose another name");
    assert!(fs::read_dir(folder.path().join("there")).unwrap().next().is_none());
    fs::write(folder.path().join("file"), "").unwrap();
    check(&["file/hello"], 1, "failed to make file/hello");

    let made =
        new(folder.path(), &["deep/down", "--git", "https://git.example/x", "--rev", "v1", "-o", "json"]);
    let said: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(said["source"], "https://git.example/x at v1", "{made:?}");
    let manifest: Table =
        fs::read_to_string(folder.path().join("deep/down/Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["dependencies"]["guest-sdk"]["git"].as_str(), Some("https://git.example/x"));
    assert_eq!(manifest["dev-dependencies"]["workflow-test"]["rev"].as_str(), Some("v1"));
}
