//! Fetches modules that histories name and the store lacks.

use std::{error::Error, path::Path, sync::Arc, time::SystemTime};

use host_sandbox::Digest;
use sha2::{Digest as _, Sha256};

use super::{Catalog, ResolveError};
use crate::modules::{
    LoadedModule,
    audit::{AuditAction, AuditEntry},
    loads::{LoadFailure, Ticket},
    origin::ModuleOrigin,
    signed::SignedModule,
    store::NewAdmission,
};

impl Catalog {
    /// The module with a digest, from where modules are fetched from. It is kept like one that was admitted before all others,
    /// so that it serves no new runs.
    pub(super) fn load_fetched(
        &self,
        digest: &Digest,
        ticket: Ticket,
    ) -> Result<Arc<LoadedModule>, ResolveError> {
        let unknown = ResolveError::Unknown { digest: *digest };
        let Some(origin) = &self.origin else { return Err(unknown) };
        let module = match fetch(&**origin, digest) {
            Ok(module) => module,
            Err(failure) => return Err(ticket.failed(failure).of(*digest)),
        };
        let place = origin.name();
        let (loaded, ticket) = self.load_signed(&module, digest, Some(place.clone().into()), ticket)?;
        let types: Vec<&str> = loaded.types().collect();
        let entry = AuditEntry {
            note: format!("from {place}"),
            ..AuditEntry::now("the host", AuditAction::Fetched, Vec::new(), digest.to_string())
        };
        self.store().keep_fetched(&NewAdmission {
            digest,
            bytes: &module.bytes,
            signature: module.signature.as_deref(),
            source: Path::new(&place),
            types: &types,
            moves: false,
            instead_of: &[],
            audit: Some(&entry),
            now: SystemTime::now(),
        })?;
        tracing::info!(%digest, from = place, types = types.join(", "), "fetched a module that a history names");
        let loaded = ticket.loaded(loaded);
        // Tasks that waited for it.
        self.changed();
        Ok(loaded)
    }
}

/// Asks a place for a module. What comes has the digest.
fn fetch(origin: &dyn ModuleOrigin, digest: &Digest) -> Result<SignedModule, LoadFailure> {
    let place = || origin.name();
    let failed =
        |source: Box<dyn Error + Send + Sync>| LoadFailure::Fetch { place: place(), source: source.into() };
    match origin.fetch(digest) {
        Ok(Some(module)) => {
            let found = Digest(Sha256::digest(&module.bytes).into());
            let other = || format!("{} gives another module, with digest {found}", place());
            if found == *digest { Ok(module) } else { Err(failed(other().into())) }
        }
        Ok(None) => Err(LoadFailure::NotThere),
        Err(error) => {
            tracing::warn!(%digest, from = place(), error = &*error, "a module that a history names cannot be fetched");
            Err(failed(error))
        }
    }
}
