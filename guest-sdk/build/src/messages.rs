//! Reads cargo's messages: only as much JSON as the paths in `filenames` need.

use std::path::PathBuf;

/// The component that the last artifact message names. The message of the package is the last one;
/// dependencies that are `cdylib`s have components in earlier messages.
pub(crate) fn last_component(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .rev()
        .filter(|line| line.contains(r#""reason":"compiler-artifact""#))
        .flat_map(filenames)
        .find(|name| name.ends_with(".wasm"))
        .map(PathBuf::from)
}

/// The strings of the array `filenames`.
fn filenames(message: &str) -> Vec<String> {
    let Some((_, array)) = message.split_once(r#""filenames":["#) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut rest = array;
    while let Some(quoted) = rest.trim_start_matches([',', ' ']).strip_prefix('"') {
        let Some((name, after)) = string(quoted) else {
            break;
        };
        names.push(name);
        rest = after;
    }
    names
}

/// A JSON string up to its closing quote, and the text behind it.
fn string(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            '"' => return Some((name, &quoted[at + 1..])),
            '\\' => name.push(escape(&mut chars)?),
            _ => name.push(character),
        }
    }
    None
}

/// The character of an escape sequence. Cargo does not escape characters outside ASCII, so surrogates do not
/// occur.
fn escape(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    match chars.next()?.1 {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'u' => {
            let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        character => Some(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(messages: &str, expected: Option<&str>) {
        assert_eq!(last_component(messages), expected.map(PathBuf::from), "{messages}");
    }

    #[test]
    fn the_last_component_is_found() {
        let artifact = |names: &str| {
            format!(r#"{{"reason":"compiler-artifact","filenames":[{names}],"executable":null}}"#)
        };
        check("", None);
        check(r#"{"reason":"build-finished","success":true}"#, None);
        check(&artifact(r#""/t/libserde.rlib","/t/libserde.rmeta""#), None);
        check(&artifact(r#""/t/a.d","/t/a.wasm""#), Some("/t/a.wasm"));
        check(&artifact(r#""/t/a.wasm", "/t/a.d""#), Some("/t/a.wasm"));
        check(&artifact(r#""C:\\t\\a \"b\".wasm""#), Some(r#"C:\t\a "b".wasm"#));
        check(&artifact(r#""/t/\u00e9é.wasm""#), Some("/t/éé.wasm"));
        check(&artifact(r#""/t/broken"#), None);
        check(&artifact(r#""/t/\u00"#), None);
        let both = [artifact(r#""/t/dependency.wasm""#), artifact(r#""/t/a.wasm""#)].join("\n");
        check(&both, Some("/t/a.wasm"));
        let other = r#"{"reason":"build-script-executed","filenames":["/t/b.wasm"]}"#;
        check(&[artifact(r#""/t/a.wasm""#).as_str(), other].join("\n"), Some("/t/a.wasm"));
    }
}
