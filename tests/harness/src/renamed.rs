//! Many modules of one guest.

/// The names of the workflow types of the guest `tests/guests/script`.
const NAMES: [&str; 2] = ["Another", "Script"];

/// The guest `script` as another module, whose types have a number for the end of their names: the type that executes
/// scripts, and the module. Numbers have two digits.
#[must_use]
pub fn renamed_script(script: &[u8], number: usize) -> (String, Vec<u8>) {
    let mut module = script.to_vec();
    let renamed = NAMES.map(|name| format!("{}{:02}", &name[..name.len() - 2], number % 100));
    for (from, to) in NAMES.iter().zip(&renamed) {
        for at in 0..=module.len().saturating_sub(from.len()) {
            if module[at..].starts_with(from.as_bytes()) {
                module[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
    }
    let [_, script] = renamed;
    (script, module)
}
