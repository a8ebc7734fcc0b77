//! Damage to a batch operation in the files: calls about it say so, and the others go on.

use std::path::Path;

use host_wire::temporal::api::{
    batch::v1::BatchOperationTermination,
    enums::v1::BatchOperationState,
    workflowservice::v1::{
        DescribeBatchOperationRequest, ListBatchOperationsRequest, StartBatchOperationRequest,
        StopBatchOperationRequest, start_batch_operation_request::Operation,
    },
};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use tonic::{Code, Request, Status};

use crate::{
    batch::batches::StoredBatch,
    environment::Environment,
    options::Options,
    server::Server,
    storage::{SqliteStorage, StorageError, damages::Damages, reader::Reader},
};

const RUNS: &str = "runs.sqlite";
const JOBS: [&str; 3] = ["first", "second", "third"];

async fn open(folder: &Path) -> Server {
    loop {
        match SqliteStorage::open(folder) {
            // Tasks of the service before hold the folder until they see that it ended.
            Err(StorageError::Locked { .. }) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            opened => {
                return Server::start(opened.unwrap(), Options::default(), Environment::of_the_machine());
            }
        }
    }
}

async fn state(server: &Server, job_id: &str) -> Result<BatchOperationState, Status> {
    let request =
        DescribeBatchOperationRequest { namespace: "default".to_owned(), job_id: job_id.to_owned() };
    let described = server.service().describe_batch_operation(Request::new(request)).await?;
    Ok(described.into_inner().state())
}

/// A folder with batch operations that ended, of more than one record each.
async fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path()).await;
    for job_id in JOBS {
        let request = StartBatchOperationRequest {
            namespace: "default".to_owned(),
            job_id: job_id.to_owned(),
            reason: "a test".to_owned(),
            visibility_query: "WorkflowId = 'none'".to_owned(),
            operation: Some(Operation::TerminationOperation(BatchOperationTermination::default())),
            ..Default::default()
        };
        server.service().start_batch_operation(Request::new(request)).await.unwrap();
        while state(&server, job_id).await.unwrap() == BatchOperationState::Running {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    folder
}

/// What is stored of the second operation: the position and the bytes of each row.
fn rows(folder: &Path) -> Vec<(i64, Vec<u8>)> {
    let runs = Connection::open(folder.join(RUNS)).unwrap();
    let sql = "SELECT position, records FROM records WHERE kind = 7 AND number = 1 ORDER BY position";
    let mut statement = runs.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn write(folder: &Path, position: i64, bytes: &[u8]) {
    let runs = Connection::open(folder.join(RUNS)).unwrap();
    // Thousands of these: none has to survive a crash.
    runs.pragma_update(None, "synchronous", "OFF").unwrap();
    let sql = "UPDATE records SET records = ?1 WHERE kind = 7 AND number = 1 AND position = ?2";
    assert_eq!(runs.execute(sql, params![bytes, position]).unwrap(), 1);
}

#[tokio::test]
async fn a_damaged_batch_operation_is_data_loss_for_it_alone() {
    let folder = folder().await;
    // Brings the runs' file to the end of the log.
    drop(open(folder.path()).await);
    drop(open(folder.path()).await);
    let (position, mut bytes) = rows(folder.path()).pop().unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    write(folder.path(), position, &bytes);
    for _life in 0..2 {
        let server = open(folder.path()).await;
        for job_id in ["first", "third"] {
            assert_eq!(state(&server, job_id).await.unwrap(), BatchOperationState::Completed, "{job_id}");
        }
        // Where its first record is the one that is damaged, its name is not known either.
        let name = if rows(folder.path()).len() > 1 { "second" } else { "damaged-batch-1" };
        let refused = state(&server, name).await.unwrap_err();
        assert_eq!(refused.code(), Code::DataLoss, "{refused}");
        let stop = StopBatchOperationRequest {
            namespace: "default".to_owned(),
            job_id: name.to_owned(),
            reason: "enough".to_owned(),
            ..Default::default()
        };
        let refused = server.service().stop_batch_operation(Request::new(stop)).await.unwrap_err();
        assert_eq!(refused.code(), Code::DataLoss, "{refused}");
        let list = ListBatchOperationsRequest { namespace: "default".to_owned(), ..Default::default() };
        let listed = server.service().list_batch_operations(Request::new(list)).await.unwrap().into_inner();
        let listed: Vec<String> = listed.operation_info.into_iter().map(|info| info.job_id).collect();
        assert!(["first", "third"].iter().all(|job| listed.iter().any(|it| it == job)), "{listed:?}");
    }
}

/// Whatever bit of it changes, the others are there, and it is not another one.
#[tokio::test]
async fn no_flipped_bit_makes_another_batch_operation() {
    let folder = folder().await;
    drop(open(folder.path()).await);
    let read = || {
        let reader = Reader::open(&folder.path().join(RUNS), Damages::default()).unwrap();
        let all = reader.batches().unwrap().into_iter().map(|(number, stored)| match stored {
            StoredBatch::Sound(batch) => (number, Some(batch.identity.job_id)),
            StoredBatch::Damaged(..) => (number, None),
        });
        all.collect::<Vec<_>>()
    };
    let sound = |job: &str| Some(job.to_owned());
    assert_eq!(read(), [(0, sound("first")), (1, sound("second")), (2, sound("third"))]);
    for (position, bytes) in rows(folder.path()) {
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            write(folder.path(), position, &damaged);
            let expected = [(0, sound("first")), (1, None), (2, sound("third"))];
            assert_eq!(read(), expected, "bit {bit} at position {position}");
        }
        write(folder.path(), position, &bytes);
    }
}
