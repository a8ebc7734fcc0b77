//! Builds small packages in temporary folders.

#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use guest_build::{Error, Package, build};

/// A folder with a package `small`, removed at the end. Its own target folder lies in it, as the
/// environment of the tests does not reach it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, source: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("guest build {name} {}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = "[package]\nname = \"small\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), source).unwrap();
        Self(folder)
    }

    fn build(&self) -> Result<Vec<u8>, Error> {
        build(&Package::new(&self.0, "small")).map(|path| fs::read(path).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// With a panic, which puts the path of the source into the component.
const SOURCE: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn half(a: &[u8]) -> u8 { a[7] }";

/// The first bytes of a component: magic number, version and layer.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn the_bytes_do_not_depend_on_the_folder() {
    let (here, there) = (Folder::new("here", SOURCE), Folder::new("elsewhere", SOURCE));
    let component = here.build().unwrap();
    assert!(component.starts_with(COMPONENT));
    assert_eq!(component, there.build().unwrap());
}

#[test]
fn two_at_once_get_the_same() {
    let folder = Folder::new("shared", SOURCE);
    let components = thread::scope(|scope| {
        [scope.spawn(|| folder.build().unwrap()), scope.spawn(|| folder.build().unwrap())]
            .map(|thread| thread.join().unwrap())
    });
    assert_eq!(components[0], components[1]);
}

#[test]
fn what_the_compiler_says_is_in_the_error() {
    let error = Folder::new("broken", "fn f() -> u8 { true }").build().unwrap_err().to_string();
    assert!(error.contains("mismatched types") && error.contains("src/lib.rs:1"), "{error}");
}

#[test]
fn a_package_that_is_not_there_is_named() {
    let folder = Folder::new("other", SOURCE);
    let error = build(&Package::new(&folder.0, "absent")).unwrap_err().to_string();
    assert!(error.contains("absent"), "{error}");
    let error = build(&Package::new(Path::new("/"), "absent")).unwrap_err();
    assert!(matches!(error, Error::NoWorkspace { .. }), "{error}");
}

/// For WebAssembly the host has no dependencies, so nothing else fails before.
#[test]
fn a_crate_with_the_host_among_its_dependencies_is_told_what_to_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let folder = Folder::new("with the host", SOURCE);
    let manifest = folder.0.join("Cargo.toml");
    let with_host = format!(
        "{}\n[dependencies]\nhost = {{ path = {:?} }}\n",
        fs::read_to_string(&manifest).unwrap(),
        root.join("host/cli")
    );
    fs::write(manifest, with_host).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.0.join("Cargo.lock")).unwrap();
    let error = folder.build().unwrap_err().to_string();
    let expected = "`host` is for the native build: put it, and what only activities need, under \
                    [target.'cfg(not(target_family = \"wasm\"))'.dependencies]";
    assert!(error.contains(expected) && error.matches("error: ").count() <= 2, "{error}");
}
