//! What a poll of a versioned worker makes known: its deployment, its version, and that this polls the queue.

use host_wire::temporal::api::{deployment::v1::WorkerDeploymentVersion, enums::v1::TaskQueueType};

use crate::{
    deployment::{
        delete::may_be_deleted,
        deployments::Deployments,
        state::{Deployment, DeploymentNumber, Queue, Version},
        version::{check_build, check_name},
    },
    error::{Error, ExhaustedCause},
    limits,
    time::Time,
};

/// A deployment that a poll makes known, or changes, with its number.
///
/// # Errors
///
/// When a name is none that can be, there are too many, or the deployment is damaged.
pub(crate) fn register(
    deployments: &Deployments,
    namespace: &str,
    version: &WorkerDeploymentVersion,
    queue: (&str, TaskQueueType),
    has_pollers: impl Fn(&WorkerDeploymentVersion) -> bool,
    now: Time,
) -> Result<(DeploymentNumber, Deployment), Error> {
    check_name(&version.deployment_name)?;
    check_build(&version.build_id)?;
    let (number, mut deployment) = open(deployments, namespace, &version.deployment_name, now)?;
    add_version(&mut deployment, &version.build_id, has_pollers, now)?;
    if let Some(version) = deployment.versions.get_mut(&version.build_id) {
        add_queue(version, queue.0, queue.1)?;
    }
    Ok((number, deployment))
}

/// A deployment of this name: the one that there is, or a new one.
///
/// # Errors
///
/// When there are too many, or it is damaged.
pub(crate) fn open(
    deployments: &Deployments,
    namespace: &str,
    name: &str,
    now: Time,
) -> Result<(DeploymentNumber, Deployment), Error> {
    if let Some((number, deployment)) = deployments.find(namespace, name)? {
        return Ok((number, deployment.clone()));
    }
    let most = limits::DEPLOYMENTS;
    if deployments.before(namespace, DeploymentNumber::MAX).count() >= most {
        return Err(exhausted(format!("reached maximum deployments in namespace ({most})")));
    }
    Ok((deployments.next_number(), Deployment::new(namespace, name, now)))
}

/// Adds a version, unless it is there. Where there are too many, the oldest is deleted that is of no use.
///
/// # Errors
///
/// When there are too many that are of use.
pub(crate) fn add_version(
    deployment: &mut Deployment,
    build_id: &str,
    has_pollers: impl Fn(&WorkerDeploymentVersion) -> bool,
    now: Time,
) -> Result<(), Error> {
    if deployment.versions.contains_key(build_id) {
        return Ok(());
    }
    let most = limits::DEPLOYMENT_VERSIONS;
    if deployment.versions.len() >= most {
        let of_no_use = |(build_id, _): &(&String, &Version)| {
            let has_pollers = has_pollers(&deployment.version(build_id));
            deployment.manager.is_empty() && may_be_deleted(deployment, build_id, has_pollers, false).is_ok()
        };
        let oldest = deployment
            .versions
            .iter()
            .filter(of_no_use)
            .min_by_key(|(_, version)| version.created.map(Time::from))
            .map(|(build_id, _)| build_id.clone());
        let Some(oldest) = oldest else {
            let name = &deployment.name;
            return Err(exhausted(format!(
                "cannot add version {name}.{build_id} since maximum number of versions ({most}) have been registered \
                 in the deployment"
            )));
        };
        deployment.versions.remove(&oldest);
    }
    deployment.versions.insert(build_id.to_owned(), Version::new(now));
    Ok(())
}

fn add_queue(version: &mut Version, name: &str, of: TaskQueueType) -> Result<(), Error> {
    if version.polls(name, of) {
        return Ok(());
    }
    let most = limits::DEPLOYMENT_QUEUES;
    let mut names: Vec<&str> = version.queues.iter().map(|queue| &*queue.name).collect();
    names.dedup();
    if !names.contains(&name) && names.len() >= most {
        return Err(exhausted(format!(
            "cannot add task queue {name} since maximum number of task queues ({most}) have been registered in \
             deployment"
        )));
    }
    version.queues.push(Queue::new(name, of));
    version.queues.sort();
    Ok(())
}

fn exhausted(message: String) -> Error {
    Error::Exhausted { message, cause: ExhaustedCause::Waiting }
}
