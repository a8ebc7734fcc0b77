//! The configuration file: read as a whole, changed where it has to be, and written as a whole.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use temporalio_common::envconfig::{ClientConfig, ClientConfigFromTOMLOptions};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::property::{GRPC_META, Property, TLS, header};

/// The table of all profiles.
const PROFILES: &str = "profile";

/// A configuration file that can be used.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    document: DocumentMut,
}

impl ConfigFile {
    /// Reads a file. One that is not there has no profiles.
    pub(super) fn read(path: PathBuf) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
        };
        let document = parse(&text).with_context(|| format!("{} cannot be used", path.display()))?;
        Ok(Self { path, document })
    }

    /// Names of the profiles, sorted.
    pub(super) fn profiles(&self) -> Vec<String> {
        let profiles = self.document.get(PROFILES).and_then(Item::as_table_like);
        let mut names: Vec<String> =
            profiles.into_iter().flat_map(|table| table.iter()).map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// A profile that is there.
    pub(super) fn profile(&self, name: &str) -> anyhow::Result<Profile<'_>> {
        let profile = self.document.get(PROFILES).and_then(|profiles| profiles.get(name));
        match profile.and_then(Item::as_table_like) {
            Some(table) => Ok(Profile(table)),
            None => bail!("profile \"{name}\" not found in {}", self.path.display()),
        }
    }

    /// Sets a property, in a new profile if there is none of the name.
    pub(super) fn set(&mut self, profile: &str, property: &Property, value: Value) -> anyhow::Result<()> {
        let profiles = part(self.document.as_table_mut(), PROFILES)?;
        let profile = part(profiles, profile)?;
        match property {
            Property::Tls if value.as_bool() == Some(true) => {
                part(profile, TLS)?;
            }
            Property::Tls => {
                profile.remove(TLS);
            }
            Property::Header(key) => {
                let headers = part(profile, GRPC_META)?;
                let written = spelling(headers, key).unwrap_or_else(|| key.clone());
                put(headers, &written, value);
            }
            Property::Field(field) => {
                let (within, key) = field.path();
                match within {
                    Some(within) => put(part(profile, within)?, key, value),
                    None => put(profile, key, value),
                }
            }
        }
        Ok(())
    }

    /// Deletes a property; whether it was there.
    pub(super) fn delete(&mut self, profile: &str, property: &Property) -> anyhow::Result<bool> {
        self.profile(profile)?;
        let profile = part(part(self.document.as_table_mut(), PROFILES)?, profile)?;
        let (within, key) = match property {
            Property::Tls => return Ok(profile.remove(TLS).is_some()),
            Property::Header(key) => {
                let headers = profile.get(GRPC_META).and_then(Item::as_table_like);
                let Some(key) = headers.and_then(|headers| spelling(headers, key)) else { return Ok(false) };
                (Some(GRPC_META), key)
            }
            Property::Field(field) => (field.path().0, field.path().1.to_owned()),
        };
        let Some(within) = within else { return Ok(profile.remove(&key).is_some()) };
        let Some(table) = profile.get_mut(within).and_then(Item::as_table_like_mut) else { return Ok(false) };
        let was_there = table.remove(&key).is_some();
        // An empty `tls` still turns TLS on; the other parts mean nothing when they are empty.
        if table.is_empty() && within != TLS {
            profile.remove(within);
        }
        Ok(was_there)
    }

    /// Deletes a profile that is there.
    pub(super) fn delete_profile(&mut self, name: &str) -> anyhow::Result<()> {
        self.profile(name)?;
        part(self.document.as_table_mut(), PROFILES)?.remove(name);
        Ok(())
    }

    /// Writes the file, for its owner alone unless it was there with other permissions. It has the old or the new content
    /// at every moment.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let text = self.document.to_string();
        parse(&text).context("nothing was written, because the file could not be used then")?;
        let write = || -> io::Result<()> {
            // A link stays one.
            let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
            let before = fs::metadata(&path).ok();
            if before.as_ref().is_some_and(|before| !before.is_file()) {
                return Err(io::Error::other("it is not a regular file"));
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            make_private(folder)?;
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            draft.write_all(text.as_bytes())?;
            if let Some(before) = before {
                draft.as_file().set_permissions(before.permissions())?;
            }
            draft.as_file().sync_all()?;
            draft.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("failed to write {}", self.path.display()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A profile, as it is in the file.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a>(&'a dyn TableLike);

impl<'a> Profile<'a> {
    pub(super) fn has_tls(self) -> bool {
        self.0.contains_key(TLS)
    }

    /// The value of a key.
    pub(super) fn value(self, within: Option<&str>, key: &str) -> Option<&'a Value> {
        match within {
            Some(within) => self.0.get(within)?.as_table_like()?.get(key)?.as_value(),
            None => self.0.get(key)?.as_value(),
        }
    }

    /// Headers, sorted, under the names that are sent.
    pub(super) fn headers(self) -> Vec<(String, String)> {
        let table = self.0.get(GRPC_META).and_then(Item::as_table_like);
        let pairs = table.into_iter().flat_map(|table| table.iter());
        let mut headers: Vec<_> =
            pairs.filter_map(|(key, value)| Some((header(key), value.as_str()?.to_owned()))).collect();
        headers.sort_unstable();
        headers
    }
}

/// A document that this program and Temporal's SDK for Rust can read.
fn parse(text: &str) -> anyhow::Result<DocumentMut> {
    // Its error may not cross threads.
    ClientConfig::from_toml(text.as_bytes(), ClientConfigFromTOMLOptions::default())
        .map_err(|error| anyhow!("{error}"))?;
    Ok(text.parse()?)
}

/// The table of this name, made if it is not there.
fn part<'a>(table: &'a mut dyn TableLike, name: &str) -> anyhow::Result<&'a mut dyn TableLike> {
    if !table.contains_key(name) {
        let mut made = Table::new();
        // Its header is not written while it has nothing but tables.
        made.set_implicit(name == PROFILES);
        table.insert(name, Item::Table(made));
    }
    let part = table.get_mut(name).and_then(Item::as_table_like_mut);
    part.with_context(|| format!("`{name}` is not a table"))
}

/// Sets a key, and keeps the comments around it.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(item) => {
            if let Some(before) = item.as_value() {
                *value.decor_mut() = before.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// How the file writes the name of a header: `some_key` and `Some-Key` are the same.
fn spelling(headers: &dyn TableLike, key: &str) -> Option<String> {
    headers.iter().map(|(written, _)| written).find(|written| header(written) == key).map(str::to_owned)
}

/// Makes a folder that others cannot look into, as `temporal` does.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const FILE: &str = r#"# of all teams
[profile.default]
address = "a:1" # the old one
later = 7

[profile.cloud]
tls = { server_name = "x" }
[profile.cloud.grpc_meta]
Some_Key = "v"
"#;

    fn check(edit: impl Fn(&mut ConfigFile) -> anyhow::Result<()>, expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.toml");
        fs::write(&path, FILE).unwrap();
        let mut file = ConfigFile::read(path.clone()).unwrap();
        edit(&mut file).and_then(|()| file.write()).unwrap();
        expected.assert_eq(&fs::read_to_string(&path).unwrap());
    }

    fn set(
        name: &str,
        property: &str,
        value: impl Into<Value>,
    ) -> impl Fn(&mut ConfigFile) -> anyhow::Result<()> {
        let value = value.into();
        move |file| file.set(name, &property.parse()?, value.clone())
    }

    fn delete(name: &str, property: &str, was_there: bool) -> impl Fn(&mut ConfigFile) -> anyhow::Result<()> {
        move |file| {
            assert_eq!(file.delete(name, &property.parse()?)?, was_there);
            Ok(())
        }
    }

    #[test]
    fn what_is_not_changed_stays() {
        check(
            set("default", "address", "b:2"),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "b:2" # the old one
            later = 7

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
        check(
            set("default", "tls.disabled", true),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.default.tls]
            disabled = true

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
        check(
            set("cloud", "grpc_meta.some-key", "w"),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "w"
        "##]],
        );
        check(
            set("new", "namespace", "n"),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "v"

            [profile.new]
            namespace = "n"
        "##]],
        );
        check(
            set("cloud", "tls", false),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
        check(
            set("default", "tls", true),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.default.tls]

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
    }

    #[test]
    fn what_is_deleted_goes_alone() {
        check(
            delete("cloud", "grpc_meta.some_key", true),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            tls = { server_name = "x" }
        "##]],
        );
        check(
            delete("cloud", "tls.server_name", true),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            tls = {}
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
        check(
            delete("cloud", "codec.auth", false),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7

            [profile.cloud]
            tls = { server_name = "x" }
            [profile.cloud.grpc_meta]
            Some_Key = "v"
        "##]],
        );
        check(
            |file| file.delete_profile("cloud"),
            expect![[r##"
            # of all teams
            [profile.default]
            address = "a:1" # the old one
            later = 7
        "##]],
        );
    }

    #[test]
    fn a_file_is_read_in_every_form_of_toml() {
        for text in [
            FILE,
            "profile = { default = { address = 'a:1' }, cloud = {} }",
            "profile.default.address = 'a:1'\nprofile.cloud = {}",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("temporal.toml");
            fs::write(&path, text).unwrap();
            let mut file = ConfigFile::read(path.clone()).unwrap();
            assert_eq!(file.profiles(), ["cloud", "default"]);
            file.set("cloud", &"tls.server_name".parse().unwrap(), "y".into()).unwrap();
            file.write().unwrap();
            let file = ConfigFile::read(path).unwrap();
            let read = |name: &str, within, key| {
                file.profile(name).unwrap().value(within, key).and_then(Value::as_str).map(str::to_owned)
            };
            assert_eq!(read("default", None, "address").as_deref(), Some("a:1"), "{text}");
            assert_eq!(read("cloud", Some("tls"), "server_name").as_deref(), Some("y"), "{text}");
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.toml");
        fs::write(&path, FILE).unwrap();
        let mut file = ConfigFile::read(path.clone()).unwrap();
        for property in ["tls.client_cert_path", "tls.client_cert_data"] {
            file.set("default", &property.parse().unwrap(), "x".into()).unwrap();
        }
        let error = file.write().unwrap_err();
        assert!(format!("{error:#}").contains("nothing was written"), "{error:#}");
        assert_eq!(fs::read_to_string(&path).unwrap(), FILE);
        fs::write(&path, "[profile").unwrap();
        assert!(ConfigFile::read(path).unwrap_err().to_string().contains("cannot be used"));
        // A device is not replaced by a file.
        let mut null = ConfigFile::read("/dev/null".into()).unwrap();
        null.set("default", &"address".parse().unwrap(), "a:1".into()).unwrap();
        assert!(format!("{:#}", null.write().unwrap_err()).contains("it is not a regular file"));
    }

    #[test]
    fn a_new_file_is_for_its_owner_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/temporal.toml");
        let mut file = ConfigFile::read(path.clone()).unwrap();
        file.set("default", &"address".parse().unwrap(), "a:1".into()).unwrap();
        file.write().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        ConfigFile::read(link.clone()).unwrap().write().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&path), 0o640);
    }
}
