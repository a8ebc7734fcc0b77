//! Profiles of the configuration file, beside the `temporal` CLI, which has the same file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use test_harness::{Output, run};

use crate::service::host;

/// A configuration file of its own.
struct Config {
    folder: TempDir,
}

impl Config {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("temporalio/temporal.toml")
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        run(host(&[&["config"], arguments].concat()).env("TEMPORAL_CONFIG_FILE", self.path())).unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        output.stdout
    }

    fn set(&self, profile: &str, property: &str, value: &str) {
        self.succeed(&["set", "--profile", profile, "--prop", property, "--value", value]);
    }

    fn refused(&self, arguments: &[&str], code: i32, expected: &str) {
        let output = self.ask(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
}

pub(crate) fn profiles_are_kept() {
    let config = Config::new();
    assert_eq!(config.succeed(&["list", "-o", "json"]), "[]\n");
    config.refused(&["get"], 1, "profile \"default\" not found in ");
    config.set("default", "address", "127.0.0.1:1");
    config.set("cloud", "namespace", "shop");
    let key = config.folder.path().join("key");
    fs::write(&key, "of a file\n").unwrap();
    config.succeed(&["set", "--profile", "cloud", "-p", "api_key", "--value-file", key.to_str().unwrap()]);
    config.set("cloud", "tls.server_name", "x.example");
    config.set("cloud", "grpc_meta.Some_Key", "v");
    assert_eq!(config.succeed(&["list"]), "  Name\n  cloud\n  default\n");
    assert_eq!(config.succeed(&["list", "-o", "jsonl"]), "{\"name\":\"cloud\"}\n{\"name\":\"default\"}\n");
    let cloud = "  Property            Value\n  api_key             of a file\n  grpc_meta.some-key  v\n  \
                 namespace           shop\n  tls                 true\n  tls.server_name     x.example\n";
    assert_eq!(config.succeed(&["get", "--profile", "cloud"]), cloud);
    let by_variable = run(host(&["config", "get"])
        .env("TEMPORAL_CONFIG_FILE", config.path())
        .env("TEMPORAL_PROFILE", "cloud"));
    assert_eq!(by_variable.unwrap().stdout, cloud);

    // Other commands take it.
    let listed = run(host(&["workflow", "list"]).env("TEMPORAL_CONFIG_FILE", config.path())).unwrap();
    assert!(listed.stderr.contains("http://127.0.0.1:1"), "{}", listed.stderr);

    config.succeed(&["delete", "--profile", "cloud", "--prop", "tls"]);
    config.succeed(&["delete", "--profile", "cloud", "--prop", "grpc_meta.some-key"]);
    let left = config.succeed(&["get", "--profile", "cloud", "-o", "jsonl"]);
    assert_eq!(left, "{\"api_key\":\"of a file\",\"namespace\":\"shop\"}\n");
    config.succeed(&["delete-profile", "--profile", "cloud"]);
    assert_eq!(fs::read_to_string(config.path()).unwrap(), "[profile.default]\naddress = \"127.0.0.1:1\"\n");
}

pub(crate) fn mistakes() {
    let config = Config::new();
    config.set("default", "address", "a:1");
    let before = fs::read_to_string(config.path()).unwrap();
    config.refused(
        &["set", "--prop", "adress", "--value", "x"],
        2,
        "unknown property; there are address, api_key",
    );
    config.refused(&["set", "--prop", "tls", "--value", "yes"], 2, "--value: tls is true or false");
    config.refused(&["set", "--prop", "tls.disabled", "--value", ""], 2, "tls.disabled is true or false");
    config.refused(&["set", "--prop", "address"], 2, "--value");
    config.refused(&["get", "--prop", "grpc_meta.x"], 1, "the profile has no grpc_meta.x");
    config.refused(&["delete", "--prop", "namespace"], 1, "profile default has no namespace in ");
    config.refused(&["delete", "--prop", "address", "--profile", "x"], 1, "profile \"x\" not found in ");
    config.refused(&["delete-profile"], 2, "--profile has to name it");
    config.refused(&["delete-profile", "--profile", "x"], 1, "profile \"x\" not found in ");
    assert_eq!(fs::read_to_string(config.path()).unwrap(), before);
    fs::write(config.path(), "[profile.default").unwrap();
    config.refused(&["list"], 1, "temporal.toml cannot be used");
    config.refused(&["set", "--prop", "address", "--value", "a:1"], 1, "temporal.toml cannot be used");
    assert_eq!(fs::read_to_string(config.path()).unwrap(), "[profile.default");
}

/// Each reads what the other wrote, and prints the same JSON.
pub(crate) fn the_temporal_cli_has_the_same_file(temporal: &Path) {
    let config = Config::new();
    let ask_temporal = |arguments: &[&str]| {
        let mut command = Command::new(temporal);
        command.arg("config").args(arguments).env("TEMPORAL_CONFIG_FILE", config.path());
        let output = run(command.env_remove("TEMPORAL_PROFILE")).unwrap();
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        output.stdout
    };
    config.set("default", "address", "a:1");
    config.set("default", "tls.disabled", "true");
    config.set("cloud", "api_key", "<&> \"quoted\"");
    config.set("cloud", "tls.client_cert_data", "-----BEGIN\nX\n");
    config.set("cloud", "codec.endpoint", "http://localhost:8081");
    config.set("cloud", "grpc_meta.some-key", "v");
    let same = || {
        let check = |arguments: &[&str]| {
            assert_eq!(config.succeed(arguments), ask_temporal(arguments), "{arguments:?}");
        };
        check(&["list", "-o", "json"]);
        for profile in ["default", "cloud"] {
            check(&["get", "-o", "json", "--profile", profile]);
            check(&["get", "-o", "jsonl", "--profile", profile]);
            for property in
                ["address", "namespace", "tls", "tls.disabled", "tls.client_cert_data", "codec.endpoint"]
            {
                check(&["get", "-o", "json", "--profile", profile, "--prop", property]);
            }
        }
        check(&["get", "-o", "json", "--profile", "cloud", "--prop", "grpc_meta.some-key"]);
    };
    same();
    ask_temporal(&["set", "--profile", "third", "--prop", "namespace", "--value", "n"]);
    ask_temporal(&["set", "--profile", "cloud", "--prop", "tls.server_name", "--value", "y"]);
    ask_temporal(&["delete", "--profile", "default", "--prop", "address"]);
    same();
    ask_temporal(&["delete-profile", "--profile", "third"]);
    config.set("default", "namespace", "n");
    same();
}
