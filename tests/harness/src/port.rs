//! Free ports.

use std::net::TcpListener;

use anyhow::Result;

/// A port of the loopback interface that is free now. Another process may take it before it is used.
///
/// # Errors
/// The system has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
