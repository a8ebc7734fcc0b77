//! `temporal.api.testservice.v1.TestService`: clients control the time of a service that skips it.

use std::sync::Arc;

use host_service::test_service_server::TestService;
use host_wire::{
    duration_from_proto,
    temporal::api::testservice::v1::{
        GetCurrentTimeResponse, LockTimeSkippingRequest, LockTimeSkippingResponse, SleepRequest,
        SleepResponse, SleepUntilRequest, UnlockTimeSkippingRequest, UnlockTimeSkippingResponse,
    },
};
use tonic::{Request, Response, Status};

use crate::time_skipping::{NotLocked, TimeSkipping};

/// The calls, on the time of a service.
#[derive(Clone, Debug)]
pub(crate) struct TimeService(pub(crate) Arc<TimeSkipping>);

impl From<NotLocked> for Status {
    fn from(error: NotLocked) -> Self {
        Self::failed_precondition(error.to_string())
    }
}

fn refused(what: &str) -> Status {
    Status::invalid_argument(format!("{what} is not set on request."))
}

impl TimeService {
    async fn sleep(&self, request: SleepRequest) -> Result<Response<SleepResponse>, Status> {
        let duration = duration_from_proto(request.duration.ok_or_else(|| refused("Duration"))?);
        self.0.sleep_until(self.0.now().after(duration)).await;
        Ok(Response::new(SleepResponse {}))
    }
}

#[tonic::async_trait]
impl TestService for TimeService {
    async fn lock_time_skipping(
        &self,
        _: Request<LockTimeSkippingRequest>,
    ) -> Result<Response<LockTimeSkippingResponse>, Status> {
        self.0.lock();
        Ok(Response::new(LockTimeSkippingResponse {}))
    }

    async fn unlock_time_skipping(
        &self,
        _: Request<UnlockTimeSkippingRequest>,
    ) -> Result<Response<UnlockTimeSkippingResponse>, Status> {
        self.0.unlock()?;
        Ok(Response::new(UnlockTimeSkippingResponse {}))
    }

    async fn sleep(&self, request: Request<SleepRequest>) -> Result<Response<SleepResponse>, Status> {
        self.sleep(request.into_inner()).await
    }

    async fn sleep_until(
        &self,
        request: Request<SleepUntilRequest>,
    ) -> Result<Response<SleepResponse>, Status> {
        let time = request.into_inner().timestamp.ok_or_else(|| refused("Timestamp"))?;
        self.0.sleep_until(time.into()).await;
        Ok(Response::new(SleepResponse {}))
    }

    async fn unlock_time_skipping_with_sleep(
        &self,
        request: Request<SleepRequest>,
    ) -> Result<Response<SleepResponse>, Status> {
        self.0.unlock()?;
        // A client that goes away during the sleep must not leave it unlocked.
        let _lock = LockAgain(&self.0);
        self.sleep(request.into_inner()).await
    }

    async fn get_current_time(&self, _: Request<()>) -> Result<Response<GetCurrentTimeResponse>, Status> {
        Ok(Response::new(GetCurrentTimeResponse { time: Some(self.0.now().into()) }))
    }
}

/// Locks the skipping when it is dropped.
struct LockAgain<'a>(&'a TimeSkipping);

impl Drop for LockAgain<'_> {
    fn drop(&mut self) {
        self.0.lock();
    }
}
