//! Profiles of Temporal's configuration file, and the `TEMPORAL_*` variables that override them: format
//! and precedence are those of Temporal's SDKs and CLI
//! (<https://docs.temporal.io/develop/environment-configuration>).
//!
//! Keys that this host does not know are ignored, as the other tools ignore them.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// Profile that is used when neither a flag nor a variable names one. The file need not have it.
const DEFAULT_PROFILE: &str = "default";
/// The file in the user's configuration folder.
const DEFAULT_FILE: &str = "temporalio/temporal.toml";
/// Prefix of variables that set a header. The rest is its name, in upper case and with `_` for `-`.
const GRPC_META: &str = "TEMPORAL_GRPC_META_";

/// Where the settings of a connection are looked for.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    /// The file. `None`: that of `TEMPORAL_CONFIG_FILE`, or the user's.
    pub(super) file: Option<&'a Path>,
    /// The profile. `None`: that of `TEMPORAL_PROFILE`, or [`DEFAULT_PROFILE`].
    pub(super) profile: Option<&'a str>,
    /// Whether a file is read.
    pub(super) read_file: bool,
    /// Whether variables override the profile.
    pub(super) read_variables: bool,
    /// Variables instead of those of the process.
    pub(super) variables: Option<&'a HashMap<String, String>>,
}

/// Settings of a connection, all optional.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Profile {
    pub(super) address: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) tls: Option<ProfileTls>,
    /// Headers of every call.
    #[serde(default)]
    pub(super) grpc_meta: BTreeMap<String, String>,
}

/// TLS settings of a profile.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "FileTls")]
pub(super) struct ProfileTls {
    pub(super) disabled: Option<bool>,
    pub(super) client_cert: Option<Pem>,
    pub(super) client_key: Option<Pem>,
    pub(super) server_ca_cert: Option<Pem>,
    pub(super) server_name: Option<String>,
    pub(super) disable_host_verification: bool,
}

/// Certificates or a key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pem {
    /// A file.
    Path(PathBuf),
    /// The text.
    Text(String),
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// The file does not have the profile that a flag or a variable names.
    #[error("Profile '{0}' not found")]
    NotFound(String),
    /// The file is there and cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a configuration file.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The place in the file, and what is wrong there.
        source: Box<toml::de::Error>,
    },
    /// A certificate or key is given as path and as text.
    #[error("{path} and {text} cannot both be set")]
    Twice {
        /// Key or variable of the path.
        path: &'static str,
        /// Key or variable of the text.
        text: &'static str,
    },
}

impl Profile {
    /// The profile of the file, and over it the variables.
    ///
    /// # Errors
    ///
    /// See [`ProfileError`].
    pub(super) fn load(sources: &Sources<'_>) -> Result<Self, ProfileError> {
        let mut profile = if sources.read_file { sources.profile_of_file()? } else { Self::default() };
        let names = std::mem::take(&mut profile.grpc_meta);
        profile.grpc_meta = names.into_iter().map(|(name, value)| (header(&name), value)).collect();
        if sources.read_variables {
            profile.override_with(sources)?;
        }
        Ok(profile)
    }

    fn override_with(&mut self, sources: &Sources<'_>) -> Result<(), ProfileError> {
        let set = |field: &mut Option<String>, name: &str| {
            if let Some(value) = sources.variable(name) {
                *field = Some(value);
            }
        };
        set(&mut self.address, "TEMPORAL_ADDRESS");
        set(&mut self.namespace, "TEMPORAL_NAMESPACE");
        set(&mut self.api_key, "TEMPORAL_API_KEY");
        for (name, value) in sources.all_variables() {
            match name.strip_prefix(GRPC_META).map(header) {
                Some(name) if value.is_empty() => drop(self.grpc_meta.remove(&name)),
                Some(name) => drop(self.grpc_meta.insert(name, value)),
                None => {}
            }
        }
        let is_tls = |name: &str| name == "TEMPORAL_TLS" || name.starts_with("TEMPORAL_TLS_");
        if self.tls.is_none() && sources.all_variables().iter().any(|(name, _)| is_tls(name)) {
            self.tls = Some(ProfileTls::default());
        }
        self.tls.as_mut().map_or(Ok(()), |tls| tls.override_with(sources))
    }
}

impl ProfileTls {
    fn override_with(&mut self, sources: &Sources<'_>) -> Result<(), ProfileError> {
        if let Some(on) = sources.flag("TEMPORAL_TLS") {
            self.disabled = Some(!on);
        }
        for (pem, keys, variables) in [
            (&mut self.client_cert, CLIENT_CERT, CLIENT_CERT_VARIABLES),
            (&mut self.client_key, CLIENT_KEY, CLIENT_KEY_VARIABLES),
            (&mut self.server_ca_cert, SERVER_CA_CERT, SERVER_CA_CERT_VARIABLES),
        ] {
            let given = pem_of(sources.variable(variables.path), sources.variable(variables.text), variables)?;
            match (&*pem, &given) {
                (Some(Pem::Text(_)), Some(Pem::Path(_))) => {
                    return Err(ProfileError::Twice { path: variables.path, text: keys.text });
                }
                (Some(Pem::Path(_)), Some(Pem::Text(_))) => {
                    return Err(ProfileError::Twice { path: keys.path, text: variables.text });
                }
                (_, Some(_)) => *pem = given,
                (_, None) => {}
            }
        }
        if let Some(name) = sources.variable("TEMPORAL_TLS_SERVER_NAME") {
            self.server_name = Some(name);
        }
        if let Some(disable) = sources.flag("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION") {
            self.disable_host_verification = disable;
        }
        Ok(())
    }
}

impl Sources<'_> {
    fn profile_of_file(&self) -> Result<Profile, ProfileError> {
        let named = self.profile.map(str::to_owned).or_else(|| {
            let named = self.read_variables.then(|| self.variable("TEMPORAL_PROFILE")).flatten();
            named.filter(|name| !name.is_empty())
        });
        let mut profiles = match self.path() {
            Some(path) => read(&path)?,
            None => BTreeMap::new(),
        };
        match (profiles.remove(named.as_deref().unwrap_or(DEFAULT_PROFILE)), named) {
            (Some(profile), _) => Ok(profile),
            (None, Some(name)) => Err(ProfileError::NotFound(name)),
            (None, None) => Ok(Profile::default()),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        if let Some(file) = self.file {
            return Some(file.to_owned());
        }
        let named = self.variable("TEMPORAL_CONFIG_FILE").filter(|path| !path.is_empty());
        named.map(PathBuf::from).or_else(|| Some(config_dir()?.join(DEFAULT_FILE)))
    }

    fn variable(&self, name: &str) -> Option<String> {
        match self.variables {
            Some(variables) => variables.get(name).cloned(),
            None => env::var(name).ok(),
        }
    }

    /// The variable as a truth value, if it is one.
    fn flag(&self, name: &str) -> Option<bool> {
        match self.variable(name)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    fn all_variables(&self) -> Vec<(String, String)> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        match self.variables {
            Some(variables) => {
                let mut sorted: Vec<_> =
                    variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                sorted.sort();
                sorted
            }
            None => env::vars_os().filter_map(text).collect(),
        }
    }
}

/// The profiles of a file by name; none when there is no such file.
fn read(path: &Path) -> Result<BTreeMap<String, Profile>, ProfileError> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        profile: BTreeMap<String, Profile>,
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(ProfileError::Read { path: path.to_owned(), source }),
    };
    let file: File = toml::from_str(&text)
        .map_err(|source| ProfileError::Parse { path: path.to_owned(), source: Box::new(source) })?;
    Ok(file.profile)
}

/// The folder in which programs keep their users' settings.
fn config_dir() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library/Application Support"));
    }
    // The XDG base directory specification.
    variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".config")))
}

/// The name of a header as it is sent.
fn header(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// The names of a path and of the text that may stand in its place.
#[derive(Clone, Copy)]
struct Names {
    path: &'static str,
    text: &'static str,
}

const CLIENT_CERT: Names = Names { path: "client_cert_path", text: "client_cert_data" };
const CLIENT_KEY: Names = Names { path: "client_key_path", text: "client_key_data" };
const SERVER_CA_CERT: Names = Names { path: "server_ca_cert_path", text: "server_ca_cert_data" };
const CLIENT_CERT_VARIABLES: Names =
    Names { path: "TEMPORAL_TLS_CLIENT_CERT_PATH", text: "TEMPORAL_TLS_CLIENT_CERT_DATA" };
const CLIENT_KEY_VARIABLES: Names =
    Names { path: "TEMPORAL_TLS_CLIENT_KEY_PATH", text: "TEMPORAL_TLS_CLIENT_KEY_DATA" };
const SERVER_CA_CERT_VARIABLES: Names =
    Names { path: "TEMPORAL_TLS_SERVER_CA_CERT_PATH", text: "TEMPORAL_TLS_SERVER_CA_CERT_DATA" };

fn pem_of(path: Option<String>, text: Option<String>, names: Names) -> Result<Option<Pem>, ProfileError> {
    match (path, text) {
        (Some(_), Some(_)) => Err(ProfileError::Twice { path: names.path, text: names.text }),
        (Some(path), None) => Ok(Some(Pem::Path(path.into()))),
        (None, text) => Ok(text.filter(|text| !text.is_empty()).map(Pem::Text)),
    }
}

/// TLS settings as the file has them.
#[derive(Deserialize)]
struct FileTls {
    disabled: Option<bool>,
    client_cert_path: Option<String>,
    client_cert_data: Option<String>,
    client_key_path: Option<String>,
    client_key_data: Option<String>,
    server_ca_cert_path: Option<String>,
    server_ca_cert_data: Option<String>,
    server_name: Option<String>,
    #[serde(default)]
    disable_host_verification: bool,
}

impl TryFrom<FileTls> for ProfileTls {
    type Error = ProfileError;

    fn try_from(file: FileTls) -> Result<Self, ProfileError> {
        Ok(Self {
            disabled: file.disabled,
            client_cert: pem_of(file.client_cert_path, file.client_cert_data, CLIENT_CERT)?,
            client_key: pem_of(file.client_key_path, file.client_key_data, CLIENT_KEY)?,
            server_ca_cert: pem_of(file.server_ca_cert_path, file.server_ca_cert_data, SERVER_CA_CERT)?,
            server_name: file.server_name,
            disable_host_verification: file.disable_host_verification,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(file: &str, variables: &[(&str, &str)], expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.toml");
        fs::write(&path, file).unwrap();
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources {
            file: Some(&path),
            profile: None,
            read_file: true,
            read_variables: true,
            variables: Some(&variables),
        };
        expected.assert_eq(&match Profile::load(&sources) {
            Ok(Profile { tls, grpc_meta, .. }) => {
                let tls = tls.map(|tls| (tls.disabled, tls.client_cert, tls.server_ca_cert, tls.server_name));
                format!("{tls:?} {grpc_meta:?}")
            }
            Err(error) => error.to_string().replace(&folder.path().display().to_string(), "…"),
        });
    }

    #[test]
    fn variables_come_before_the_profile() {
        let file = r#"
            [profile.default]
            some_later_key = 1
            [profile.default.tls]
            client_cert_path = "/cert"
            server_name = "a"
            [profile.default.grpc_meta]
            Some_Key = "1"
            other = "2"
        "#;
        check(file, &[], expect![[r#""#]]);
        check(
            file,
            &[
                ("TEMPORAL_TLS", "0"),
                ("TEMPORAL_TLS_CLIENT_CERT_PATH", "/other"),
                ("TEMPORAL_TLS_SERVER_CA_CERT_DATA", "ca"),
                ("TEMPORAL_GRPC_META_SOME_KEY", "3"),
                ("TEMPORAL_GRPC_META_OTHER", ""),
            ],
            expect![[r#""#]],
        );
        check("", &[("TEMPORAL_TLS_SERVER_NAME", "b")], expect![[r#""#]]);
        check("", &[], expect![[r#""#]]);
    }

    #[test]
    fn settings_that_contradict_each_other() {
        let both = "[profile.default.tls]\nclient_key_path = \"/key\"\nclient_key_data = \"key\"";
        check(both, &[], expect![[r#""#]]);
        let path = "[profile.default.tls]\nclient_cert_path = \"/cert\"";
        check(path, &[("TEMPORAL_TLS_CLIENT_CERT_DATA", "cert")], expect![[r#""#]]);
        check("", &[("TEMPORAL_PROFILE", "x")], expect![[r#""#]]);
        check("[profile.default]\naddress = 7", &[], expect![[r#""#]]);
    }
}
