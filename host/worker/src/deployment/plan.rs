//! Which versions a host polls for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use host_sandbox::Digest;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentInfo, enums::v1::WorkerDeploymentVersionStatus as Status,
};

use crate::modules::build_id;

/// What the service says of the versions of a deployment that are modules. Versions of workers of another kind are none.
pub(super) fn routed(info: &WorkerDeploymentInfo) -> BTreeMap<Digest, Status> {
    let versions = info.version_summaries.iter().filter_map(|summary| {
        let version = summary.deployment_version.as_ref()?;
        Some((build_id::parse(&version.build_id)?, summary.status()))
    });
    versions.collect()
}

/// What begins, and what ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) begin: BTreeSet<Digest>,
    pub(super) end: BTreeSet<Digest>,
}

/// A host polls for the versions of its files, so that an operator can make them current, and for those that the service
/// still routes tasks to. `routed` is nothing where the service does not say: then no version ends.
pub(super) fn plan(
    files: &BTreeSet<Digest>,
    routed: Option<&BTreeMap<Digest, Status>>,
    running: &BTreeSet<Digest>,
) -> Plan {
    let mut needed = files.clone();
    match routed {
        Some(routed) => {
            let used = routed.iter().filter(|(_, status)| gets_tasks(**status));
            needed.extend(used.map(|(digest, _)| *digest));
        }
        None => needed.extend(running),
    }
    Plan {
        begin: needed.difference(running).copied().collect(),
        end: running.difference(&needed).copied().collect(),
    }
}

/// Two modules of which neither shares workflow types with the other, nor with others that do: a service that makes one
/// of them current would give it runs of types that only the other one has.
pub(super) fn unrelated(modules: &[BTreeSet<&str>]) -> Option<(usize, usize)> {
    let mut types = modules.first()?.clone();
    let mut others: BTreeSet<usize> = (1..modules.len()).collect();
    while let Some(next) = others.iter().copied().find(|other| !modules[*other].is_disjoint(&types)) {
        others.remove(&next);
        types.extend(&modules[next]);
    }
    others.first().map(|other| (0, *other))
}

/// Whether the service gives tasks of new runs to a version, or those of open runs that are pinned to it.
fn gets_tasks(status: Status) -> bool {
    match status {
        Status::Current | Status::Ramping | Status::Draining => true,
        Status::Inactive | Status::Drained | Status::Created | Status::Unspecified => false,
    }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::deployment::v1::{
        WorkerDeploymentVersion, worker_deployment_info::WorkerDeploymentVersionSummary,
    };

    use super::*;

    fn digests(letters: &str) -> BTreeSet<Digest> {
        letters.bytes().map(|letter| Digest([letter; 32])).collect()
    }

    /// Versions as words, `a=Current`; nothing where the service does not say.
    fn check(files: &str, versions: Option<&str>, running: &str, begin: &str, end: &str) {
        let routed = versions.map(|versions| {
            let status = |name: &str| {
                let name = format!("WORKER_DEPLOYMENT_VERSION_STATUS_{}", name.to_uppercase());
                Status::from_str_name(&name).unwrap()
            };
            let version = |word: &str| {
                let (letter, name) = word.split_once('=').unwrap();
                (Digest([letter.as_bytes()[0]; 32]), status(name))
            };
            versions.split_whitespace().map(version).collect()
        });
        let expected = Plan { begin: digests(begin), end: digests(end) };
        assert_eq!(
            plan(&digests(files), routed.as_ref(), &digests(running)),
            expected,
            "{files} {versions:?} {running}"
        );
    }

    #[test]
    fn versions_of_files_are_polled_for() {
        check("a", Some(""), "", "a", "");
        check("ab", Some("a=current"), "a", "b", "");
        check("a", Some("a=drained"), "a", "", "");
        check("a", None, "", "a", "");
    }

    #[test]
    fn former_versions_are_polled_for_until_they_are_drained() {
        check("b", Some("a=current b=inactive"), "a", "b", "");
        check("b", Some("a=ramping b=current"), "ab", "", "");
        check("b", Some("a=draining b=current"), "ab", "", "");
        check("b", Some("a=draining b=current"), "", "ab", "");
        check("b", Some("a=drained b=current"), "ab", "", "a");
        check("b", Some("a=inactive b=current"), "ab", "", "a");
        check("b", Some("b=current"), "ab", "", "a");
        check("b", None, "a", "b", "");
    }

    #[test]
    fn versions_have_types_in_common() {
        let check = |modules: &[&str], expected| {
            let types: Vec<BTreeSet<&str>> =
                modules.iter().map(|module| module.split_whitespace().collect()).collect();
            assert_eq!(unrelated(&types), expected, "{modules:?}");
        };
        check(&[], None);
        check(&["Order"], None);
        check(&["Order", "Order Refund"], None);
        check(&["Order", "Refund", "Order Refund"], None);
        check(&["Order", "Refund"], Some((0, 1)));
        check(&["Order", "Order", "Refund Ship", "Ship"], Some((0, 2)));
    }

    #[test]
    fn versions_of_other_workers_are_none() {
        let named = |build_id: &str| WorkerDeploymentVersionSummary {
            deployment_version: Some(WorkerDeploymentVersion {
                deployment_name: "shop".to_owned(),
                build_id: build_id.to_owned(),
            }),
            status: Status::Draining.into(),
            ..WorkerDeploymentVersionSummary::default()
        };
        let module = Digest([b'a'; 32]);
        let info = WorkerDeploymentInfo {
            version_summaries: vec![named("1.2.3"), named(&build_id::of(&module)), Default::default()],
            ..WorkerDeploymentInfo::default()
        };
        assert_eq!(routed(&info), BTreeMap::from([(module, Status::Draining)]));
    }
}
