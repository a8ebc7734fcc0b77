//! The typed client.

use greetings::Greetings;
use guest_sdk_types::{Failure, UntypedWorkflow};
use host::{
    ConnectOptions,
    client::{Client, Error, IdConflictPolicy, StartOptions, WorkflowFailed},
};

use crate::{
    script::{self, completed, continued_as_new, failed},
    service::Service,
};

pub(crate) fn results_and_failures_have_types() {
    let service = Service::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(talk(service.address()));
}

async fn talk(address: &str) {
    let client = Client::connect(&ConnectOptions::to(address)).await.unwrap();
    let execute = async |queue: &str, commands| {
        let answers = script::answer(address, queue, commands);
        let options = StartOptions::new(queue).workflow_id(queue);
        let result = client.execute_workflow(Greetings::run, "Ada".to_owned(), options).await;
        answers.join().unwrap();
        result
    };

    assert_eq!(execute("right", vec![continued_as_new(), completed("\"Hi\"")]).await.unwrap(), "Hi");
    let wrong = execute("wrong", vec![completed("7")]).await.unwrap_err();
    assert!(matches!(wrong, Error::Payload { what: "result", .. }), "{wrong:?}");
    match execute("failing", vec![failed()]).await.unwrap_err() {
        Error::Workflow(failed) => match *failed {
            WorkflowFailed::Failed(Failure { ref message, .. }) => assert_eq!(message, "no such customer"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }

    let options = StartOptions {
        id_conflict_policy: IdConflictPolicy::Fail,
        ..StartOptions::new("idle").workflow_id("open")
    };
    let handle = client.start_workflow(Greetings::run, "Ada".to_owned(), options.clone()).await.unwrap();
    let taken = client.start_workflow(Greetings::run, "Bob".to_owned(), options).await.unwrap_err();
    match taken {
        Error::AlreadyStarted(taken) => assert_eq!(Some(taken.run_id.as_str()), handle.run_id()),
        other => panic!("{other:?}"),
    }
    assert_eq!(handle.closed_now().await.unwrap(), None);
    handle.cancel("because").await.unwrap();
    handle.terminate("because").await.unwrap();
    let same = client.workflow_handle::<UntypedWorkflow>("open", None);
    match same.result().await.unwrap_err() {
        Error::Workflow(failed) => {
            assert!(matches!(*failed, WorkflowFailed::Terminated { ref reason, .. } if reason == "because"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(same.fetch_history().await.unwrap().len(), 4);
    let gone = client.workflow_handle::<UntypedWorkflow>("gone", None).result().await.unwrap_err();
    assert!(matches!(gone, Error::Rpc(ref error) if error.is_not_found()), "{gone:?}");
}
