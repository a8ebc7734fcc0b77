//! Attribute macros of the guest SDK. `guest-sdk` exports them, and its documentation has examples.
//!
//! A macro does not know the target that its output is compiled for. Where the sandbox and the host need
//! different code, it emits both, under `cfg`.

mod activities;
mod marker;
mod method;
mod plain;
mod select;
mod workflow;
mod workflow_impl;

use proc_macro::TokenStream;

/// Marks the struct that holds the state of a workflow. Its methods are in an impl block with
/// [`macro@workflow_methods`].
///
/// The workflow type has the name of the struct, unless `#[run(name = "…")]` sets another one.
#[proc_macro_attribute]
pub fn workflow(attributes: TokenStream, item: TokenStream) -> TokenStream {
    if attributes.is_empty() {
        return item;
    }
    let message = "`#[workflow]` takes no arguments; `#[run(name = …)]` sets the name of the workflow type, \
                   `#[run(versioning_behavior = …)]` what becomes of its runs when another module is taken";
    syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error().into()
}

/// Makes the methods of an impl block the methods of a workflow.
///
/// | attribute | signature | purpose |
/// |---|---|---|
/// | `#[init]` | `fn(&WorkflowContextView, inputs…) -> Self` | makes the state; without it the state is `Default` |
/// | `#[run]` | `async fn(&mut WorkflowContext<Self>, inputs…) -> WorkflowResult<T>` | runs the workflow |
/// | `#[signal]` | `fn(&mut self, &mut SyncWorkflowContext<Self>, inputs…)` or `async fn(&mut WorkflowContext<Self>, inputs…)` | a signal handler |
/// | `#[query]` | `fn(&self, &WorkflowContextView, inputs…) -> T` or `Result<T, E>` | a query handler |
/// | `#[update]` | as `#[signal]`, with a result `T` or `Result<T, E>` | an update handler |
/// | `#[update_validator(update)]` | `fn(&self, &WorkflowContextView, &inputs…) -> Result<(), E>` | accepts or rejects an update |
///
/// `name = "…"` sets the name; the default is the name of the method, for `#[run]` the name of the struct. A
/// `dynamic` handler is called for every name that has no handler: after the context it takes the name and a
/// `RawValue`. `#[run(dynamic)]` takes a `RawValue`.
///
/// `#[run(versioning_behavior = pinned)]` keeps open runs on the module that executed them, whatever the policy of the
/// host is when another module takes the new runs; `auto_upgrade` moves those that the other module replays. Without it
/// the host's policy decides.
///
/// User interfaces show the `description = "…"` of a handler; the default is the first paragraph of its
/// documentation. A signal whose arguments do not decode is dropped, with a log line and the count
/// `corrupted_signals`; the argument `strict` has it fail the workflow task. A run that ends while async
/// handlers run logs a warning with their names, without those that have the argument `abandon`.
///
/// Each method becomes a constant of the same name, for typed calls: `Greetings::run`, `Greetings::greet`.
#[proc_macro_attribute]
pub fn workflow_methods(attributes: TokenStream, item: TokenStream) -> TokenStream {
    workflow::expand(attributes.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes methods of an impl block activities: implementations on the host, typed calls in the sandbox.
///
/// | signature | executor |
/// |---|---|
/// | `async fn` | async runtime |
/// | `fn` | thread pool |
/// | `fn` with `#[activity(process)]` | process pool |
///
/// The first parameters may be `self: Arc<Self>` and an `ActivityContext`; the others are the inputs. The
/// result is `Result<T, ActivityError>`. `#[activity(name = "…")]` sets the activity type; the default is the
/// name of the method.
///
/// Only the types of inputs and results are compiled for the sandbox.
#[proc_macro_attribute]
pub fn activities(attributes: TokenStream, item: TokenStream) -> TokenStream {
    activities::expand(attributes.into(), item.into(), activities::Bodies::Here)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares activities for typed calls that other workers implement, in any language. The methods have no
/// receiver, no context, and the body `unimplemented!()`.
#[proc_macro_attribute]
pub fn activity_definitions(attributes: TokenStream, item: TokenStream) -> TokenStream {
    activities::expand(attributes.into(), item.into(), activities::Bodies::Elsewhere)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Waits for the first of several futures. Documented in `guest-sdk`.
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::select(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Waits for all of several futures. Documented in `guest-sdk`.
#[proc_macro]
pub fn join(input: TokenStream) -> TokenStream {
    select::join(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Attributes that another macro reads. Outside of it they are an error.
macro_rules! inner_attributes {
    ($($(#[$doc:meta])* $name:ident in $outer:literal;)*) => {$(
        $(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(_attributes: TokenStream, _item: TokenStream) -> TokenStream {
            let message = concat!("`#[", stringify!($name), "]` belongs in an impl block with `#[", $outer, "]`");
            syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error().into()
        }
    )*};
}

inner_attributes! {
    /// An activity. See [`macro@activities`].
    activity in "activities";
    /// Makes the state of a workflow. See [`macro@workflow_methods`].
    init in "workflow_methods";
    /// Runs a workflow. See [`macro@workflow_methods`].
    run in "workflow_methods";
    /// A signal handler. See [`macro@workflow_methods`].
    signal in "workflow_methods";
    /// A query handler. See [`macro@workflow_methods`].
    query in "workflow_methods";
    /// An update handler. See [`macro@workflow_methods`].
    update in "workflow_methods";
    /// Accepts or rejects an update. See [`macro@workflow_methods`].
    update_validator in "workflow_methods";
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    /// Checks the error of an impl block of a workflow, or "fine" if there is none.
    fn check_workflow(methods: &str, expected: &str) {
        let block: TokenStream = format!("impl W {{ {methods} }}").parse().expect("the methods are tokens");
        let error = crate::workflow::expand(TokenStream::new(), block).err().map(|error| error.to_string());
        assert_eq!(error.as_deref().unwrap_or("fine"), expected, "{methods}");
    }

    fn check_activities(methods: &str, expected: &str) {
        let block: TokenStream = format!("impl A {{ {methods} }}").parse().expect("the methods are tokens");
        let expanded = crate::activities::expand(TokenStream::new(), block, crate::activities::Bodies::Here);
        let error = expanded.err().map(|error| error.to_string());
        assert_eq!(error.as_deref().unwrap_or("fine"), expected, "{methods}");
    }

    const RUN: &str = "#[run] async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {}";

    #[test]
    fn workflows_are_checked() {
        check_workflow(RUN, "fine");
        check_workflow("", "a workflow needs a method with `#[run]`");
        check_workflow(&format!("{RUN} {RUN}"), "a workflow has one method with this attribute");
        check_workflow(
            "#[run] fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {}",
            "this method must be async",
        );
        check_workflow(
            "#[run] async fn run(ctx: &mut WorkflowContext<Self>) {}",
            "`#[run]` returns a `WorkflowResult<T>`",
        );
        check_workflow(
            "#[run] async fn run() -> WorkflowResult<()> {}",
            "this method takes a `WorkflowContext` before its inputs",
        );
        check_workflow(
            "#[run(nam = 1)] async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {}",
            "unknown argument; known: `name = …`, `dynamic`, `versioning_behavior = …`",
        );
        for (behavior, expected) in [
            ("pinned", "fine"),
            ("auto_upgrade", "fine"),
            ("dynamic", "a versioning behavior is `pinned` or `auto_upgrade`"),
            ("\"pinned\"", "expected identifier"),
        ] {
            let run = RUN.replace("#[run]", &format!("#[run(versioning_behavior = {behavior})]"));
            check_workflow(&run, expected);
        }
        check_workflow(
            &format!(
                "{RUN} #[signal(versioning_behavior = pinned)] fn s(&mut self, c: &mut SyncWorkflowContext<Self>) {{}}"
            ),
            "unknown argument; known: `name = …`, `description = …`, `dynamic`, `strict`",
        );
        check_workflow(
            "#[run(dynamic, name = N)] async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {}",
            "a dynamic method has no name",
        );
    }

    #[test]
    fn handlers_are_checked() {
        let check = |handler: &str, expected: &str| check_workflow(&format!("{RUN} {handler}"), expected);
        check(
            "#[signal(name = NAME)] fn s(&mut self, c: &mut SyncWorkflowContext<Self>, a: u8, b: u8) {}",
            "fine",
        );
        check(
            "#[signal(description = \"d\", strict, abandon)] async fn s(c: &mut WorkflowContext<Self>) {}",
            "fine",
        );
        check(
            "#[query(strict)] fn q(&self, c: &WorkflowContextView) -> u8 {}",
            "unknown argument; known: `name = …`, `description = …`, `dynamic`",
        );
        for result in ["u8", "Result<(), String>"] {
            check(
                &format!("#[signal] fn s(&mut self, c: &mut SyncWorkflowContext<Self>) -> {result} {{}}"),
                "a signal handler returns nothing: no caller waits for its result",
            );
        }
        check(
            "#[signal] fn s(&self, c: &mut SyncWorkflowContext<Self>) {}",
            "this method takes `&mut self`; an async one takes no `self`",
        );
        check(
            "#[signal] async fn s(&mut self, c: &mut WorkflowContext<Self>) {}",
            "this method takes no `self`: use `ctx.state` and `ctx.state_mut`, so that no borrow of the state lasts across an `await`",
        );
        check("#[query] async fn q(&self, c: &WorkflowContextView) {}", "this method cannot be async");
        check("#[query] fn q(&mut self, c: &WorkflowContextView) {}", "this method takes `&self`");
        check(
            "#[signal] #[query] fn q(&self, c: &WorkflowContextView) {}",
            "a method has one such attribute",
        );
        check(
            "#[signal] fn s<T>(&mut self, c: &mut SyncWorkflowContext<Self>, t: T) {}",
            "this method cannot be generic",
        );
        check(
            "#[update_validator(u)] fn v(&self, c: &WorkflowContextView) {}",
            "there is no `#[update]` method named `u`",
        );
        let dynamic = "#[query(dynamic)] fn q(&self, c: &WorkflowContextView, n: String, a: RawValue) {}";
        check(&format!("{dynamic} {dynamic}"), "a workflow has one dynamic handler of each kind");
    }

    #[test]
    fn activities_are_checked() {
        check_activities(
            "#[activity] async fn a(self: Arc<Self>, c: ActivityContext, x: u8) -> Result<u8, E> {}",
            "fine",
        );
        check_activities("#[activity(process)] fn a(x: u8) -> Result<u8, E> {} fn other() {}", "fine");
        check_activities(
            "#[activity] fn a(&self) -> Result<u8, E> {}",
            "an activity takes `self: Arc<Self>`, or no `self`",
        );
        check_activities("#[activity] fn a() -> u8 {}", "an activity returns a `Result<T, ActivityError>`");
        check_activities(
            "#[activity(process)] async fn a() -> Result<u8, E> {}",
            "an activity for the process pool is not async",
        );
    }
}
