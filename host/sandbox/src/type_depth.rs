//! How deep the types of a component are nested: component types and instance types inside each other.
//!
//! The parser calls itself for each level of them, in the compiler too, so that a type of some ten thousand levels
//! would end its process. Here the levels are counted without that.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType, ComponentTypeRef,
    CoreType, FromReader,
};

use crate::limits::MAX_TYPE_DEPTH;
use crate::load_error::LoadError;

/// The first bytes of types that have declarations, and of those, types.
const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;

/// Checks a type section of a component; `offset` is where it begins in the file.
///
/// # Errors
/// A type is nested deeper than [`MAX_TYPE_DEPTH`], or the section is malformed.
pub(crate) fn check(section: &[u8], offset: usize) -> Result<(), LoadError> {
    let mut reader = BinaryReader::new(section, offset);
    // Types or declarations that are left: of the section, and of each type that is open.
    let mut left = vec![count(&mut reader)?];
    while let Some(last) = left.last_mut() {
        let Some(less) = last.checked_sub(1) else {
            left.pop();
            continue;
        };
        *last = less;
        let is_type = left.len() == 1 || declares_type(&mut reader)?;
        if is_type && let Some(declarations) = begin_type(&mut reader)? {
            if left.len() > MAX_TYPE_DEPTH {
                return Err(LoadError::NestedTypes);
            }
            left.push(declarations);
        }
    }
    Ok(())
}

/// Reads a type to its end, or to its declarations if it has some: then returns how many.
fn begin_type(reader: &mut BinaryReader<'_>) -> Result<Option<u32>, LoadError> {
    let mut ahead = reader.clone();
    if matches!(byte(&mut ahead)?, COMPONENT_TYPE | INSTANCE_TYPE) {
        *reader = ahead;
        return count(reader).map(Some);
    }
    skip::<ComponentType<'_>>(reader)?;
    Ok(None)
}

/// Reads a declaration, and says whether it is that of a type, which then follows.
fn declares_type(reader: &mut BinaryReader<'_>) -> Result<bool, LoadError> {
    let offset = reader.original_position() as u64;
    match byte(reader)? {
        0x00 => skip::<CoreType<'_>>(reader)?,
        0x01 => return Ok(true),
        0x02 => skip::<ComponentAlias<'_>>(reader)?,
        0x03 => skip::<ComponentImport<'_>>(reader)?,
        0x04 => {
            skip::<ComponentExternName<'_>>(reader)?;
            skip::<ComponentTypeRef>(reader)?;
        }
        other => {
            let message = format!("a type has a declaration of the unknown kind 0x{other:02x}");
            return Err(LoadError::Malformed { message, offset });
        }
    }
    Ok(false)
}

fn byte(reader: &mut BinaryReader<'_>) -> Result<u8, LoadError> {
    reader.read_u8().map_err(|error| LoadError::malformed(&error))
}

fn count(reader: &mut BinaryReader<'_>) -> Result<u32, LoadError> {
    reader.read_var_u32().map_err(|error| LoadError::malformed(&error))
}

fn skip<'a, T: FromReader<'a>>(reader: &mut BinaryReader<'a>) -> Result<(), LoadError> {
    reader.read::<T>().map(drop).map_err(|error| LoadError::malformed(&error))
}
