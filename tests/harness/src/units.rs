//! What cargo would compile for a command. Two commands that share a target folder compile a dependency twice where they
//! ask for different features of it, and wasmtime takes minutes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// Dependencies, by package id, each in the forms in which a command compiles it.
#[derive(Debug)]
pub struct Units(BTreeMap<String, BTreeSet<Form>>);

/// A hash of all that a compiled dependency depends on.
type Form = u64;

impl Units {
    /// What `cargo arguments…` would compile in a folder. Nothing is compiled and nothing fetched.
    ///
    /// # Errors
    /// Cargo does not say it, for instance because a dependency was never fetched.
    pub fn of(folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).args(["--offline", "--locked", "--unit-graph", "-Z", "unstable-options"]);
        // The graph is an unstable feature of cargo. The variable lets a stable one print it.
        let output = cargo.current_dir(folder).env("RUSTC_BOOTSTRAP", "1").output()?;
        ensure!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let graph: Value = serde_json::from_slice(&output.stdout)?;
        Self::parse(&graph).context("this version of cargo prints another graph")
    }

    fn parse(graph: &Value) -> Option<Self> {
        let units = graph["units"].as_array()?;
        let mut forms = Forms { units, known: HashMap::new() };
        let mut packages = BTreeMap::<_, BTreeSet<_>>::new();
        for (index, unit) in units.iter().enumerate() {
            let package = unit["pkg_id"].as_str()?;
            if package.starts_with("registry") {
                packages.entry(package.to_owned()).or_default().insert(forms.of(index)?);
            }
        }
        Some(Self(packages))
    }

    /// Packages, as `name@version`, that `later` compiles again although this command has compiled them.
    #[must_use]
    pub fn compiled_again(&self, later: &Self) -> BTreeSet<String> {
        let again = later.0.iter().filter(|(package, forms)| {
            self.0.get(*package).is_some_and(|compiled| !forms.is_subset(compiled))
        });
        again.map(|(package, _)| package.rsplit('#').next().unwrap_or(package).to_owned()).collect()
    }
}

/// The forms of the units in a graph. Two units of the same form are compiled once.
struct Forms<'a> {
    units: &'a [Value],
    known: HashMap<usize, Form>,
}

impl Forms<'_> {
    fn of(&mut self, index: usize) -> Option<Form> {
        if let Some(known) = self.known.get(&index) {
            return Some(*known);
        }
        let unit = self.units.get(index)?;
        let mut dependencies = Vec::new();
        for dependency in unit["dependencies"].as_array()? {
            let index = usize::try_from(dependency["index"].as_u64()?).ok()?;
            dependencies.push(json!([dependency["extern_crate_name"], self.of(index)?]));
        }
        dependencies.sort_by_key(Value::to_string);
        let mut profile = unit["profile"].clone();
        // `dev` and `test`; it is not part of what is compiled.
        profile.as_object_mut()?.remove("name");
        let parts = ["pkg_id", "target", "mode", "platform", "features"].map(|part| &unit[part]);
        let mut hasher = DefaultHasher::new();
        json!([parts, profile, dependencies]).to_string().hash(&mut hasher);
        self.known.insert(index, hasher.finish());
        Some(hasher.finish())
    }
}
