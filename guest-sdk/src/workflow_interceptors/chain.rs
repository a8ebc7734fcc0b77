//! The chain of a run's interceptors: made when the run starts, and gone through by each call.

use std::rc::Rc;

use super::{WorkflowInterceptor, WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowNext};
use crate::context::WorkflowContextView;
use crate::run_state::RunState;

/// What [`RunState::interceptors`] holds.
type Interceptors = Vec<Rc<dyn WorkflowInterceptor>>;

/// The method of an interceptor for an outbound call.
pub(crate) type OutboundHook<I, O> =
    fn(&dyn WorkflowInterceptor, WorkflowInterceptorContext, I, WorkflowNext<'static, I, O>) -> O;

/// Makes the interceptors of a run.
pub(crate) fn construct(run: &Rc<RunState>, constructors: &[WorkflowInterceptorConstructor]) {
    if !constructors.is_empty() {
        let view = WorkflowContextView(Rc::clone(run));
        let made: Interceptors =
            constructors.iter().map(|constructor| constructor.construct(&view)).collect();
        // A run is started once.
        let _ = run.interceptors.set(Box::new(made));
    }
}

/// The interceptors of a run, in the order of their registration.
pub(crate) fn interceptors(run: &RunState) -> &[Rc<dyn WorkflowInterceptor>] {
    let made = run.interceptors.get().and_then(|made| made.downcast_ref::<Interceptors>());
    made.map_or(&[], Vec::as_slice)
}

/// Whether calls of a run go through interceptors.
pub(crate) fn has_interceptors(run: &RunState) -> bool {
    run.interceptors.get().is_some()
}

/// Passes an inbound call through interceptors, from the first one registered to the last, and then to `end`.
pub(crate) fn call_inbound<'a, C: Clone + 'a, I: 'a, O: 'a>(
    interceptors: &'a [Rc<dyn WorkflowInterceptor>],
    context: C,
    input: I,
    hook: fn(&'a dyn WorkflowInterceptor, C, I, WorkflowNext<'a, I, O>) -> O,
    end: WorkflowNext<'a, I, O>,
) -> O {
    let Some((first, others)) = interceptors.split_first() else { return end.run(input) };
    let inner = context.clone();
    let next = WorkflowNext::new(move |input| call_inbound(others, inner, input, hook, end));
    hook(&**first, context, input, next)
}

/// Passes an outbound call through the interceptors of a run, from the last one registered to the first, and then to
/// `end`.
pub(crate) fn call_outbound<I: 'static, O: 'static>(
    run: &Rc<RunState>,
    input: I,
    hook: OutboundHook<I, O>,
    end: fn(&Rc<RunState>, I) -> O,
) -> O {
    outbound_through(interceptors(run).len(), Rc::clone(run), input, hook, end)
}

fn outbound_through<I: 'static, O: 'static>(
    count: usize,
    run: Rc<RunState>,
    input: I,
    hook: OutboundHook<I, O>,
    end: fn(&Rc<RunState>, I) -> O,
) -> O {
    let Some((last, others)) = interceptors(&run)[..count].split_last() else { return end(&run, input) };
    let (interceptor, count) = (Rc::clone(last), others.len());
    let context = WorkflowInterceptorContext::new(Rc::clone(&run));
    let next = WorkflowNext::new(move |input| outbound_through(count, run, input, hook, end));
    hook(&*interceptor, context, input, next)
}
