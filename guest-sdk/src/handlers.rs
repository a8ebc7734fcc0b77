//! The handlers of signals, queries and updates that run: for the messages that must say which one it is.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a handler answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Signal,
    Query,
    Update,
    Validator,
}

/// One call of a handler.
#[derive(Debug)]
pub(crate) struct Call {
    kind: Kind,
    name: String,
    /// The update id that the client chose; empty for the other kinds.
    update_id: String,
    /// Whether the run may end without a warning while it runs.
    abandons: bool,
}

thread_local! {
    /// The call whose code runs now.
    static CURRENT: RefCell<Option<Rc<Call>>> = const { RefCell::new(None) };
}

impl Call {
    pub(crate) fn new(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), update_id: String::new(), abandons: false }
    }

    pub(crate) fn with_update_id(self, update_id: String) -> Self {
        Self { update_id, ..self }
    }

    pub(crate) fn abandons(self, abandons: bool) -> Self {
        Self { abandons, ..self }
    }

    /// Runs code of the handler.
    pub(crate) fn within<T>(self: &Rc<Self>, code: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(Rc::clone(self)));
        let result = code();
        CURRENT.set(before);
        result
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Signal => "signal",
            Kind::Query => "query",
            Kind::Update => "update",
            Kind::Validator => "the validator of update",
        };
        write!(formatter, "{what} `{}`", self.name)?;
        if !self.update_id.is_empty() {
            write!(formatter, " (id `{}`)", self.update_id)?;
        }
        Ok(())
    }
}

/// Says in the message of a panic which handler it was in.
#[cfg_attr(
    not(any(test, target_family = "wasm")),
    expect(dead_code, reason = "a native program has its own hook")
)]
pub(crate) fn blame(message: &str) -> String {
    // A panic while the call is being set has none to blame.
    let current = CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten();
    match current {
        Some(call) => format!("{message}, in {call}"),
        None => message.to_owned(),
    }
}

/// The future of an asynchronous handler.
pub(crate) struct Running<F> {
    call: Rc<Call>,
    future: Pin<Box<F>>,
}

impl<F> Running<F> {
    pub(crate) fn new(call: Rc<Call>, future: F) -> Self {
        Self { call, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Running<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let call = Rc::clone(&self.call);
        call.within(|| self.future.as_mut().poll(context))
    }
}

/// The calls of signal and update handlers that have not ended, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct RunningHandlers(RefCell<Vec<Rc<Call>>>);

impl RunningHandlers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn add(&self, call: &Rc<Call>) {
        self.0.borrow_mut().push(Rc::clone(call));
    }

    pub(crate) fn remove(&self, call: &Rc<Call>) {
        self.0.borrow_mut().retain(|other| !Rc::ptr_eq(other, call));
    }

    /// Those that a warning names when the run ends.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        self.0.borrow().iter().filter(|call| !call.abandons).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_names_its_handler() {
        assert_eq!(blame("no"), "no");
        let outer = Rc::new(Call::new(Kind::Update, "set").with_update_id("u-1".to_owned()));
        let inner = Rc::new(Call::new(Kind::Validator, "set"));
        outer.within(|| {
            inner.within(|| assert_eq!(blame("no"), "no, in the validator of update `set`"));
            assert_eq!(blame("no"), "no, in update `set` (id `u-1`)");
        });
        assert_eq!(blame("no"), "no");
    }
}
