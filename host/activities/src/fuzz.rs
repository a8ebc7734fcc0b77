//! Foreign bytes between the processes of the pool: a child process runs the user's code, which may write anything
//! to any file descriptor.

use crate::process::protocol::{FromChild, ToChild, frame, receive_blocking};

#[test]
fn frames_of_a_child() {
    fuzz::check!("frames_of_a_child", |bytes| {
        if let Ok(message) = receive_blocking::<FromChild>(&mut &*bytes) {
            let again = frame(&message).unwrap();
            let again = receive_blocking::<FromChild>(&mut again.as_slice()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{message:?}"));
        }
    });
}

#[test]
fn frames_of_the_parent() {
    fuzz::check!("frames_of_the_parent", |bytes| {
        if let Ok(message) = receive_blocking::<ToChild>(&mut &*bytes) {
            let again = frame(&message).unwrap();
            let again = receive_blocking::<ToChild>(&mut again.as_slice()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{message:?}"));
        }
    });
}
