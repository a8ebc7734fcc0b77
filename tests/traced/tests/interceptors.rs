//! Interceptors of a client, of a module and of activities, on the way of one header through all of them.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use guest_sdk::Payload;
use host_activities::interceptors::{
    self as activities, ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput,
};
use host_client::interceptors::{
    ClientFuture, ClientInterceptor, Next, QueryWorkflowInput, QueryWorkflowOutput, SignalWorkflowInput,
    StartWorkflowInput, StartWorkflowOutput, StartWorkflowUpdateInput, StartWorkflowUpdateOutput,
    UpdateWithStartWorkflowInput, UpdateWithStartWorkflowOutput,
};
use host_client::{
    Client, Error, IdConflictPolicy, NamedPayloads, QueryOptions, StartOptions, UpdateOptions,
};
use traced::{REFUSED, TRACE, Traced, TracedActivities};
use workflow_test::TestEnvironment;

/// Adds to the trace of every call.
struct Traces(&'static str);

impl Traces {
    fn extend(&self, headers: &mut NamedPayloads) {
        let before: String = headers.get(TRACE).map(|trace| trace.to_value().unwrap()).unwrap_or_default();
        let trace = Payload::from_value(&(before + self.0)).unwrap();
        headers.insert(TRACE.to_owned(), trace);
    }
}

impl ClientInterceptor for Traces {
    fn start_workflow<'a>(
        &'a self,
        mut input: StartWorkflowInput,
        next: Next<'a, StartWorkflowInput, ClientFuture<'a, StartWorkflowOutput>>,
    ) -> ClientFuture<'a, StartWorkflowOutput> {
        self.extend(&mut input.options.headers);
        next.run(input)
    }

    fn signal_workflow<'a>(
        &'a self,
        mut input: SignalWorkflowInput,
        next: Next<'a, SignalWorkflowInput, ClientFuture<'a, ()>>,
    ) -> ClientFuture<'a, ()> {
        self.extend(&mut input.headers);
        next.run(input)
    }

    fn query_workflow<'a>(
        &'a self,
        mut input: QueryWorkflowInput,
        next: Next<'a, QueryWorkflowInput, ClientFuture<'a, QueryWorkflowOutput>>,
    ) -> ClientFuture<'a, QueryWorkflowOutput> {
        self.extend(&mut input.headers);
        Box::pin(async move {
            let answer = next.run(input).await?;
            let text: String = answer.result.unwrap().to_value().unwrap();
            Ok(QueryWorkflowOutput::new(Some(Payload::from_value(&format!("{text}!")).unwrap())))
        })
    }

    fn start_workflow_update<'a>(
        &'a self,
        mut input: StartWorkflowUpdateInput,
        next: Next<'a, StartWorkflowUpdateInput, ClientFuture<'a, StartWorkflowUpdateOutput>>,
    ) -> ClientFuture<'a, StartWorkflowUpdateOutput> {
        self.extend(&mut input.headers);
        next.run(input)
    }

    fn update_with_start_workflow<'a>(
        &'a self,
        mut input: UpdateWithStartWorkflowInput,
        next: Next<'a, UpdateWithStartWorkflowInput, ClientFuture<'a, UpdateWithStartWorkflowOutput>>,
    ) -> ClientFuture<'a, UpdateWithStartWorkflowOutput> {
        self.extend(&mut input.start.options.headers);
        self.extend(&mut input.update.headers);
        next.run(input)
    }
}

/// Refuses every call.
struct Refuses;

impl ClientInterceptor for Refuses {
    fn start_workflow<'a>(
        &'a self,
        _input: StartWorkflowInput,
        _next: Next<'a, StartWorkflowInput, ClientFuture<'a, StartWorkflowOutput>>,
    ) -> ClientFuture<'a, StartWorkflowOutput> {
        Box::pin(async { Err(Error::Answer("refused")) })
    }
}

/// Adds to the trace that an activity gets.
struct Stamps;

impl ActivityInboundInterceptor for Stamps {
    fn execute_activity<'a>(
        &'a self,
        mut input: ExecuteActivityInput,
        next: activities::Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        Traces("/host").extend(input.headers_mut());
        next.run(input)
    }
}

fn tracing(environment: &TestEnvironment) -> Client {
    environment.client().clone().with_interceptor(Traces("a")).with_interceptor(Traces("b"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_goes_through_all_interceptors() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder()
        .activities(TracedActivities)
        .activity_inbound_interceptor(Stamps)
        .start()
        .await?;
    let client = tracing(&environment);
    let run = client.start_workflow(Traced::run, (1, true), environment.options()).await?;
    run.signal(Traced::hear, "signal".to_owned()).await?;
    assert_eq!(run.query(Traced::echo, "query".to_owned(), QueryOptions::default()).await?, "query by ab!!");
    let told = run.execute_update(Traced::tell, "update".to_owned(), UpdateOptions::default()).await?;
    assert_eq!(told, "update by ab");
    // This client sets no headers.
    let plain = environment.client().workflow_handle(run.workflow_id(), None);
    let refused = plain.execute_update(Traced::tell, "x".to_owned(), UpdateOptions::default()).await;
    let refused = refused.unwrap_err();
    let Error::Update(failure) = &refused else { panic!("{refused:?}") };
    assert_eq!(failure.message, "an update without a trace");
    plain.signal(Traced::end, ()).await?;
    let mut traces = environment.result(&run).await?;
    traces[2..].sort();
    assert_eq!(traces, ["ab/activity/host", "ab/child/activity/host", "signal by ab", "update by ab"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_start_has_headers_for_both() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(TracedActivities).start().await?;
    let client = tracing(&environment);
    let options = StartOptions { id_conflict_policy: IdConflictPolicy::UseExisting, ..environment.options() };
    let update = (Traced::tell, "update".to_owned());
    let (run, told) = client
        .execute_update_with_start((Traced::run, (0, true)), options, update, UpdateOptions::default())
        .await?;
    assert_eq!(told, "update by ab");
    run.signal(Traced::end, ()).await?;
    assert_eq!(environment.result(&run).await?, ["ab/activity", "update by ab"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn interceptors_answer_themselves() -> anyhow::Result<()> {
    let environment = TestEnvironment::builder().activities(TracedActivities).start().await?;
    let refusing = environment.client().clone().with_interceptor(Refuses);
    let refused = refusing.start_workflow(Traced::run, (0, false), environment.options()).await;
    assert!(matches!(refused, Err(Error::Answer("refused"))), "{refused:?}");
    let headers = [(TRACE.to_owned(), Payload::from_value(REFUSED)?)].into();
    let options = StartOptions { headers, ..environment.options() };
    let run = environment.client().start_workflow(Traced::run, (0, false), options).await?;
    let failed = environment.result(&run).await.unwrap_err();
    assert!(format!("{failed:?}").contains("the interceptor refused it"), "{failed:?}");
    Ok(())
}
