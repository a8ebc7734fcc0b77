//! `#[workflow_methods]`: reads the methods of a workflow and checks their signatures.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, ImplItem, ItemImpl, Result, parse_quote};

use crate::method::{Method, Receiver, VERSIONING_BEHAVIOR, simple_type, take_attribute};
use crate::workflow_impl;

const ATTRIBUTES: [&str; 6] = ["init", "run", "signal", "query", "update", "update_validator"];

/// The methods of a workflow.
pub(crate) struct Workflow {
    /// The name of the struct.
    pub(crate) type_name: Ident,
    pub(crate) init: Option<Method>,
    pub(crate) run: Method,
    pub(crate) signals: Vec<Method>,
    pub(crate) queries: Vec<Method>,
    pub(crate) updates: Vec<Method>,
    /// The validators, each with the name of its update method.
    pub(crate) validators: Vec<(Ident, Method)>,
}

pub(crate) fn expand(attributes: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attributes.is_empty() {
        return Err(Error::new_spanned(attributes, "`#[workflow_methods]` takes no arguments"));
    }
    let mut block: ItemImpl = syn::parse2(item)?;
    let workflow = Workflow::take(&mut block)?;
    let implementation = workflow_impl::generate(&workflow);
    Ok(quote! {
        #block
        #implementation
    })
}

impl Workflow {
    /// Reads the methods of an impl block, and renames those whose names the markers take.
    fn take(block: &mut ItemImpl) -> Result<Self> {
        let type_name = simple_type(block)?;
        let (mut init, mut run) = (None, None);
        let (mut signals, mut queries, mut updates, mut validators) = (vec![], vec![], vec![], vec![]);
        for item in &mut block.items {
            let ImplItem::Fn(item) = item else { continue };
            let Some(attribute) = take_attribute(item, &ATTRIBUTES)? else { continue };
            let kind =
                attribute.path().segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            let (context, flags): (_, &[&str]) = match kind.as_str() {
                "run" => ("WorkflowContext", &["dynamic", VERSIONING_BEHAVIOR]),
                "signal" if item.sig.asyncness.is_some() => {
                    ("WorkflowContext", &["dynamic", "strict", "abandon"])
                }
                "signal" => ("SyncWorkflowContext", &["dynamic", "strict"]),
                "update" if item.sig.asyncness.is_some() => ("WorkflowContext", &["dynamic", "abandon"]),
                "update" => ("SyncWorkflowContext", &["dynamic"]),
                "query" => ("WorkflowContextView", &["dynamic"]),
                _ => ("WorkflowContextView", &[]),
            };
            if kind == "update_validator" {
                let update: Ident = attribute.parse_args()?;
                let method = Method::parse(item.clone(), &parse_quote!(#[plain]), flags, &[context])?;
                check(&method, context, Receiver::Reference, Asynchronous::Never)?;
                validators.push((update, method));
                continue;
            }
            let method = Method::parse(item.clone(), &attribute, flags, &[context])?;
            match kind.as_str() {
                "init" => {
                    check(&method, context, Receiver::None, Asynchronous::Never)?;
                    once(&mut init, method)?;
                    continue;
                }
                "run" => {
                    check(&method, context, Receiver::None, Asynchronous::Always)?;
                    if !method.is_fallible {
                        return Err(method.refuse("`#[run]` returns a `WorkflowResult<T>`"));
                    }
                    item.sig.ident = method.hidden_ident();
                    once(&mut run, method)?;
                    continue;
                }
                "query" => {
                    check(&method, context, Receiver::Reference, Asynchronous::Never)?;
                    item.sig.ident = method.hidden_ident();
                    queries.push(method);
                    continue;
                }
                _ => {}
            }
            let receiver = if method.is_async() { Receiver::None } else { Receiver::MutableReference };
            check(&method, context, receiver, Asynchronous::Maybe)?;
            if kind == "signal" && (method.is_fallible || !method.returns_nothing()) {
                return Err(method.refuse("a signal handler returns nothing: no caller waits for its result"));
            }
            item.sig.ident = method.hidden_ident();
            if kind == "signal" { &mut signals } else { &mut updates }.push(method);
        }
        for (update, validator) in &validators {
            if !updates.iter().any(|method| method.ident() == update) {
                return Err(validator.refuse(&format!("there is no `#[update]` method named `{update}`")));
            }
        }
        for methods in [&signals, &queries, &updates] {
            if let Some(second) = methods.iter().filter(|method| method.options.has("dynamic")).nth(1) {
                return Err(second.refuse("a workflow has one dynamic handler of each kind"));
            }
        }
        let missing = || Error::new_spanned(&block.self_ty, "a workflow needs a method with `#[run]`");
        Ok(Self { type_name, init, run: run.ok_or_else(missing)?, signals, queries, updates, validators })
    }
}

/// Whether a method must, may or must not be async.
enum Asynchronous {
    Always,
    Maybe,
    Never,
}

fn once(place: &mut Option<Method>, method: Method) -> Result<()> {
    if place.is_some() {
        return Err(method.refuse("a workflow has one method with this attribute"));
    }
    *place = Some(method);
    Ok(())
}

fn check(method: &Method, context: &str, receiver: Receiver, asynchronous: Asynchronous) -> Result<()> {
    match asynchronous {
        Asynchronous::Always if !method.is_async() => return Err(method.refuse("this method must be async")),
        Asynchronous::Never if method.is_async() => return Err(method.refuse("this method cannot be async")),
        _ => {}
    }
    if method.receiver() != receiver {
        return Err(method.refuse(match receiver {
            Receiver::Reference => "this method takes `&self`",
            Receiver::MutableReference => "this method takes `&mut self`; an async one takes no `self`",
            _ => {
                "this method takes no `self`: use `ctx.state` and `ctx.state_mut`, so that no borrow of the state \
                 lasts across an `await`"
            },
        }));
    }
    if method.context.is_none() {
        let message = format!("this method takes a `{context}` before its inputs");
        return Err(method.refuse(&message));
    }
    if method.options.has("dynamic") && method.options.name.is_some() {
        return Err(method.refuse("a dynamic method has no name"));
    }
    Ok(())
}
