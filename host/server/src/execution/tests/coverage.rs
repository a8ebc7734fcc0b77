//! Every event type that the service writes is written in some test.

use std::collections::BTreeSet;

use host_wire::temporal::api::enums::v1::EventType;

use crate::execution::tests::script::Script;

/// Lives that together have every event type. A feature that writes another one adds a line here.
const LIVES: [&str; 19] = [
    "start\npoll\nfail\npoll\ncomplete marker:m upsert:a memo:b\nsignal s\ncancel\npoll\ncomplete cancel",
    "start\npoll\n+10\npoll\ncomplete timer:t:1 timer:u:5\n+1\npoll\ncomplete cancel-timer:u continue\nterminate",
    "start run=3\n+3",
    "start\npoll\ncomplete fail",
    "start\npoll\ncomplete activity:a activity:b:attempts=1 activity:c:run=1:attempts=1\ntake a\ndone a\ntake b\nerror b\ntake c\n+1",
    "start\npoll\ncomplete activity:a\ntake a\nsignal s\npoll\ncomplete cancel-activity:5\ncanceled a",
    "start\npoll\ncomplete child:c child:c signal:c signal:none cancel-external:none\npoll\ncomplete cancel-external:c",
    "start\npoll\ncomplete child:c\npoll @c\ncomplete complete",
    "start\npoll\ncomplete child:c\npoll @c\ncomplete fail",
    "start\npoll\ncomplete child:c\ncancel @c\npoll @c\ncomplete cancel",
    "start\npoll\ncomplete child:c:1:5\n+5",
    "start\npoll\ncomplete child:c\nterminate @c",
    "start\nupdate u\npoll\ncomplete accept:u finish:u",
    "start\nupdate u\npoll\ncomplete accept:u\nreset 4",
    "start\noverride auto",
    "start\npoll\ncomplete nexus:a nexus:b nexus:c nexus:d:5\nnexus 5 sync\nnexus 6 failed\nnexus 7 canceled\n+5",
    "start\npoll\ncomplete nexus:a\nnexus 5 async\npoll\ncomplete cancel-nexus:5\nnexus 5 sync",
    "start\npoll\ncomplete nexus:a\nnexus 5 async\npoll\ncomplete cancel-nexus:5\nnexus 5 NOT_FOUND",
    "start\npoll\ncomplete nexus:a\nstart-for 5 @c\nterminate @c",
];

/// Event types of features that the service does not have.
const UNWRITTEN: [EventType; 6] = [
    EventType::WorkflowExecutionUpdateRejected,
    EventType::WorkflowPropertiesModifiedExternally,
    EventType::ActivityPropertiesModifiedExternally,
    EventType::WorkflowExecutionPaused,
    EventType::WorkflowExecutionUnpaused,
    EventType::WorkflowExecutionTimeSkippingTransitioned,
];

#[test]
fn every_event_type_is_written() {
    let mut written = BTreeSet::new();
    for life in LIVES {
        let mut script = Script::default();
        life.lines().for_each(|line| script.line(line));
        written.extend(script.event_types());
    }
    let all = (1..1_000).filter_map(|number| EventType::try_from(number).ok());
    let expected: Vec<_> = all.filter(|event_type| !UNWRITTEN.contains(event_type)).collect();
    let written: Vec<_> = written.into_iter().map(|number| EventType::try_from(number).unwrap()).collect();
    assert_eq!(written, expected);
}
