//! Until when closed runs are kept.

use crate::time::Time;

/// A namespace, and a time: what closed before it is not kept.
pub(crate) type Expiry = (String, Time);
