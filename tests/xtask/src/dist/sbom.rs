//! What the binary is linked of, in the JSON of CycloneDX 1.5: packages with their versions, licences and checksums.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use test_harness::workspace_root;

use super::output;

/// The package of the binary.
const ROOT: &str = "host";

/// Packages whose manifests name a file instead of a licence, and which one is in it.
const LICENCE_FILES: &[(&str, &str)] =
    &[("temporalio-common", "MIT"), ("temporalio-common-wasm", "MIT"), ("temporalio-protos", "MIT")];

/// Name and version of a package.
type Named = (String, String);

/// The list for the binary `host` of a target.
pub(super) fn of_host(target: &str) -> Result<String> {
    let cargo = || {
        let mut command = test_harness::cargo();
        command.current_dir(workspace_root());
        command
    };
    // The tree has the features of this one package, and leaves out what is for the build or for tests only.
    let edges =
        ["tree", "--locked", "--package", ROOT, "--edges", "normal,no-proc-macro", "--target", target];
    let tree = output(cargo().args(edges).args(["--prefix", "depth", "--format", " {p}"]))?;
    let metadata =
        output(cargo().args(["metadata", "--locked", "--format-version=1", "--filter-platform", target]))?;
    let lock = fs::read_to_string(workspace_root().join("Cargo.lock"))?;
    let document = document(&tree, &serde_json::from_str(&metadata)?, &lock)?;
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn document(tree: &str, metadata: &Value, lock: &str) -> Result<Value> {
    let mut edges = BTreeMap::<Named, BTreeSet<Named>>::new();
    let mut above: Vec<Named> = Vec::new();
    for line in tree.lines() {
        let (depth, package) = line.split_once(' ').context("a line of the tree without depth")?;
        let mut words = package.split(' ');
        let name = words.next().context("no name")?.to_owned();
        let version = words.next().and_then(|version| version.strip_prefix('v')).context("no version")?;
        let package = (name, version.to_owned());
        above.truncate(depth.parse()?);
        if let Some(dependent) = above.last() {
            edges.entry(dependent.clone()).or_default().insert(package.clone());
        }
        edges.entry(package.clone()).or_default();
        above.push(package);
    }

    let licences: BTreeMap<Named, &Value> = metadata["packages"]
        .as_array()
        .context("no packages")?
        .iter()
        .filter_map(|package| {
            let text = |name: &str| package[name].as_str().map(str::to_owned);
            Some(((text("name")?, text("version")?), &package["license"]))
        })
        .collect();
    let checksums = checksums(lock);
    let component = |package: &Named| {
        let (name, version) = package;
        let mut component = json!({
            "type": if name == ROOT { "application" } else { "library" },
            "bom-ref": purl(package), "name": name, "version": version, "purl": purl(package),
        });
        let licence = licences.get(package).and_then(|licence| licence.as_str());
        let in_file = LICENCE_FILES.iter().find(|(own, _)| own == name).map(|(_, licence)| *licence);
        if let Some(licence) = licence.or(in_file) {
            // Old manifests have a slash where SPDX has an operator.
            component["licenses"] =
                json!([{ "expression": licence.replace('/', " OR ").replace("  ", " ") }]);
        }
        if let Some(checksum) = checksums.get(package) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    };
    let root = edges.keys().find(|(name, _)| name == ROOT).context("the tree has no host")?;
    let components: Vec<Value> = edges.keys().filter(|package| *package != root).map(component).collect();
    let dependencies: Vec<Value> = edges
        .iter()
        .map(|(package, on)| json!({ "ref": purl(package), "dependsOn": on.iter().map(purl).collect::<Vec<_>>() }))
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(root) },
        "components": components, "dependencies": dependencies,
    }))
}

/// The address of a package, by the rules of package-url. Our own packages have it too, as they will be published.
fn purl((name, version): &Named) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// The checksums in a lock file, which are those of the registry's archives.
fn checksums(lock: &str) -> BTreeMap<Named, &str> {
    let packages = lock.split("[[package]]").skip(1);
    packages
        .filter_map(|package| {
            let field = |name: &str| {
                let mut lines = package.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
            };
            Some(((field("name")?.to_owned(), field("version")?.to_owned()), field("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_versions_licences_and_checksums() {
        let tree = "0 host v0.1.0 (/x)\n1 a v1.0.0\n2 b v2.0.0+x (*)\n1 b v2.0.0+x\n";
        let metadata = json!({ "packages": [
            { "name": "a", "version": "1.0.0", "license": "MIT/Apache-2.0" },
            { "name": "not-linked", "version": "1.0.0", "license": "MIT" },
        ] });
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"12\"\n";
        let document = document(tree, &metadata, lock).unwrap();
        assert_eq!(document["metadata"]["component"]["purl"], "pkg:cargo/host@0.1.0");
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), 2);
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(components[0]["hashes"][0]["content"], "12");
        assert_eq!(components[1]["purl"], "pkg:cargo/b@2.0.0%2Bx");
        let on: Vec<&Value> =
            document["dependencies"].as_array().unwrap().iter().map(|each| &each["dependsOn"]).collect();
        assert_eq!(
            on,
            [
                &json!(["pkg:cargo/b@2.0.0%2Bx"]),
                &json!([]),
                &json!(["pkg:cargo/a@1.0.0", "pkg:cargo/b@2.0.0%2Bx"])
            ]
        );
    }

    /// Of the real tree: what the binary is known to be linked of, each once and with a licence.
    #[test]
    fn the_list_of_the_host_is_whole() {
        let document: Value = serde_json::from_str(&of_host("x86_64-unknown-linux-gnu").unwrap()).unwrap();
        let components = document["components"].as_array().unwrap();
        let names: Vec<&str> =
            components.iter().map(|component| component["name"].as_str().unwrap()).collect();
        for name in ["host-server", "libsqlite3-sys", "ring", "tokio", "tonic", "wasmtime"] {
            assert_eq!(names.iter().filter(|each| **each == name).count(), 1, "{name}");
        }
        // Of the build, of tests, and of other systems.
        for name in ["cc", "libtest-mimic", "serde_derive", "windows-sys"] {
            assert!(!names.contains(&name), "{name}");
        }
        let unlicensed: Vec<&Value> =
            components.iter().filter(|component| component["licenses"].is_null()).collect();
        assert!(unlicensed.is_empty(), "{unlicensed:?}");
    }
}
