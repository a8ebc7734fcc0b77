//! The import gate: which imports a module may have, and what to use instead of the others.

use std::fmt;

/// What the host does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportClass {
    /// An interface of the contract: linked.
    Contract,
    /// A part of WASI: linked to the time and randomness of the run.
    Virtual,
    /// A part of WASI that crates import without need: linked to functions that stop the guest.
    TrapOnUse,
    /// Anything else: the module is not loaded.
    Refused,
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name of the interface, with its version.
    pub name: String,
    /// What the host does with it.
    pub class: ImportClass,
    /// What to use instead, if it is refused or traps; else empty.
    pub instead: &'static str,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.instead)
    }
}

/// The version of the contract that this host implements.
pub const CONTRACT_VERSION: &str = "0.1.0";

const CONTRACT_PACKAGE: &str = "workflow:host";

/// The interfaces of the contract.
const CONTRACT: &[&str] = &[
    "workflow:host/activation",
    "workflow:host/activities",
    "workflow:host/child-workflows",
    "workflow:host/definition",
    "workflow:host/external-workflows",
    "workflow:host/log",
    "workflow:host/metrics",
    "workflow:host/nexus",
    "workflow:host/random",
    "workflow:host/time",
    "workflow:host/types",
    "workflow:host/workflow",
];

/// Interfaces of WASI 0.2 that are linked.
const VIRTUAL: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Interfaces of WASI 0.2 whose functions stop the guest, with what to use instead.
const TRAP_ON_USE: &[(&str, &str)] = &[
    ("wasi:filesystem/preopens", crate::wasi::trap::FILES),
    ("wasi:filesystem/types", crate::wasi::trap::FILES),
];

/// Refused packages with a specific advice.
const REFUSED: &[(&str, &str)] = &[
    ("wasi:sockets", "a workflow has no network: call services in an activity"),
    ("wasi:http", "a workflow has no network: call services in an activity"),
    ("wasi:keyvalue", "keep state in the workflow, and read stores in an activity"),
    ("wasi:blobstore", "read and write stores in an activity"),
    ("wasi:config", "pass configuration as an argument of the workflow"),
    ("wasi:clocks", "use the time of the workflow's context; compute time zones in an activity"),
    ("wasi_snapshot_preview1", "build for wasm32-wasip2"),
];

/// Classifies an import by its name.
pub(crate) fn classify(name: &str) -> Import {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let import = |class, instead| Import { name: name.to_owned(), class, instead };
    let package = interface.split('/').next().unwrap_or(interface);
    if package == CONTRACT_PACKAGE {
        return match (version == CONTRACT_VERSION, CONTRACT.contains(&interface)) {
            (true, true) => import(ImportClass::Contract, ""),
            (true, false) => import(ImportClass::Refused, "this host does not know that interface"),
            (false, _) => import(
                ImportClass::Refused,
                "this host implements version 0.1.0 of the contract: use the guest SDK of that version, or \
                 another host",
            ),
        };
    }
    if version == "0.2" || version.starts_with("0.2.") {
        if VIRTUAL.contains(&interface) {
            return import(ImportClass::Virtual, "");
        }
        if let Some((_, instead)) = TRAP_ON_USE.iter().find(|(known, _)| *known == interface) {
            return import(ImportClass::TrapOnUse, instead);
        }
    } else if package.starts_with("wasi:") && version.starts_with("0.3") {
        return import(ImportClass::Refused, "build for wasm32-wasip2, whose WASI is 0.2");
    }
    let known = REFUSED.iter().find(|(known, _)| *known == package);
    import(
        ImportClass::Refused,
        known.map_or("a module may import the contract and parts of WASI 0.2 only", |(_, instead)| instead),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (name, class, instead) in [
            ("workflow:host/time@0.1.0", ImportClass::Contract, ""),
            ("workflow:host/time@0.2.0", ImportClass::Refused, "version 0.1.0 of the contract"),
            ("workflow:host/time", ImportClass::Refused, "version 0.1.0 of the contract"),
            ("workflow:host/teleport@0.1.0", ImportClass::Refused, "does not know that interface"),
            ("wasi:random/insecure-seed@0.2.6", ImportClass::Virtual, ""),
            ("wasi:io/poll@0.2.0", ImportClass::Virtual, ""),
            ("wasi:filesystem/types@0.2.6", ImportClass::TrapOnUse, "in an activity"),
            ("wasi:sockets/tcp@0.2.6", ImportClass::Refused, "no network"),
            ("wasi:http/outgoing-handler@0.2.6", ImportClass::Refused, "no network"),
            ("wasi:clocks/timezone@0.2.6", ImportClass::Refused, "time zones"),
            ("wasi:cli/stdout@0.3.0", ImportClass::Refused, "wasm32-wasip2"),
            ("wasi:cli/stdout", ImportClass::Refused, "parts of WASI 0.2 only"),
            ("wasi_snapshot_preview1", ImportClass::Refused, "wasm32-wasip2"),
            ("env", ImportClass::Refused, "parts of WASI 0.2 only"),
            ("", ImportClass::Refused, "parts of WASI 0.2 only"),
        ] {
            let import = classify(name);
            assert_eq!((import.name.as_str(), import.class), (name, class));
            assert!(import.instead.contains(instead), "{import}");
        }
    }
}
