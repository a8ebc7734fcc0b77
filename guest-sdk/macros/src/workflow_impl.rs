//! Generates the markers of a workflow and its `WorkflowImplementation`, which the SDK calls.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use crate::marker::{Marker, arguments_pattern, arguments_type, module, module_definition};
use crate::method::{Method, VersioningBehavior};
use crate::plain::plain_call;
use crate::workflow::Workflow;

pub(crate) fn generate(workflow: &Workflow) -> TokenStream {
    let type_name = &workflow.type_name;
    let module = module(type_name, "workflow");
    let inputs = match &workflow.init {
        Some(init) if workflow.run.inputs.is_empty() => &init.inputs,
        _ => &workflow.run.inputs,
    };
    let run = Marker::new(&workflow.run, &module, &workflow_name(workflow), inputs);
    let run_path = run.path.clone();
    let mut calls = Vec::new();
    let mut definitions = vec![quote!(impl ::guest_sdk::WorkflowDefinition for #run_path {})];
    let mut markers = vec![run];
    let handlers = [
        (&workflow.signals, quote!(SignalDefinition)),
        (&workflow.queries, quote!(QueryDefinition)),
        (&workflow.updates, quote!(UpdateDefinition)),
    ];
    for (methods, definition) in handlers {
        for method in methods.iter().filter(|method| !method.options.has("dynamic")) {
            let marker = Marker::new(method, &module, &handler_name(method), &method.inputs);
            let path = &marker.path;
            definitions.push(quote! {
                impl ::guest_sdk::#definition for #path {
                    type Workflow = #run_path;
                }
            });
            // Async handlers need a run.
            if !method.is_async() {
                calls.push(plain_call(method, path, type_name));
            }
            markers.push(marker);
        }
    }
    let marker_module = module_definition(&module, &markers);
    let constants = markers.iter().map(|marker| &marker.constant);
    let inputs = markers.iter().map(|marker| &marker.input);
    let callables = markers.iter().map(|marker| &marker.callable);
    let implementation = implementation(workflow, &run_path);
    quote! {
        impl #type_name {
            #(#constants)*
        }
        #marker_module
        #(#inputs)*
        #(#callables)*
        #(#definitions)*
        #(#calls)*
        #implementation
    }
}

/// The name of a handler; empty if it is dynamic, as in the contract.
fn workflow_name(workflow: &Workflow) -> TokenStream {
    let default = workflow.type_name.to_string();
    match &workflow.run.options.name {
        Some(name) => quote!(#name),
        None if workflow.run.options.has("dynamic") => quote!(""),
        None => quote!(#default),
    }
}

fn handler_name(method: &Method) -> TokenStream {
    let default = method.ident().to_string();
    match &method.options.name {
        Some(name) => quote!(#name),
        None if method.options.has("dynamic") => quote!(""),
        None => quote!(#default),
    }
}

/// What the SDK knows of a handler.
fn handler(workflow: &Workflow, method: &Method) -> TokenStream {
    let name = handler_name(method);
    let description = match &method.options.description {
        Some(description) => quote!(#description),
        None => {
            let paragraph = method.first_paragraph();
            quote!(#paragraph)
        }
    };
    let has_validator = validator(workflow, method).is_some();
    let (strict, abandon) = (method.options.has("strict"), method.options.has("abandon"));
    quote! {
        ::guest_sdk::__private::Handler {
            name: #name,
            description: #description,
            has_validator: #has_validator,
            strict: #strict,
            abandon: #abandon,
        }
    }
}

fn implementation(workflow: &Workflow, run_path: &TokenStream) -> TokenStream {
    let type_name = &workflow.type_name;
    let name = workflow_name(workflow);
    let signal_handlers = workflow.signals.iter().map(|signal| handler(workflow, signal));
    let query_handlers = workflow.queries.iter().map(|query| handler(workflow, query));
    let update_handlers = workflow.updates.iter().map(|update| handler(workflow, update));
    let versioning_behavior = match workflow.run.options.versioning_behavior {
        None => quote!(Unspecified),
        Some(VersioningBehavior::Pinned) => quote!(Pinned),
        Some(VersioningBehavior::AutoUpgrade) => quote!(AutoUpgrade),
    };
    let init = init_body(workflow);
    let run = run_body(&workflow.run);
    let signals = arms(&workflow.signals, |signal| handler_arm(signal, no_answer));
    let queries = arms(&workflow.queries, query_arm);
    let updates = arms(&workflow.updates, |update| handler_arm(update, answer));
    let validators = arms(&workflow.updates, |update| validator_arm(workflow, update));
    quote! {
        #[allow(unused_variables, reason = "not every workflow has inputs and handlers")]
        impl ::guest_sdk::__private::WorkflowImplementation for #type_name {
            type Run = #run_path;

            const DEFINITION: ::guest_sdk::__private::Definition = ::guest_sdk::__private::Definition {
                name: #name,
                signals: &[#(#signal_handlers),*],
                queries: &[#(#query_handlers),*],
                updates: &[#(#update_handlers),*],
                versioning_behavior: ::guest_sdk::__private::VersioningBehavior::#versioning_behavior,
            };

            fn init(
                context: &::guest_sdk::WorkflowContextView,
                arguments: &[::guest_sdk::Payload],
            ) -> ::core::result::Result<Self, ::guest_sdk::PayloadError> {
                #init
            }

            fn run(
                mut context: ::guest_sdk::WorkflowContext<Self>,
                arguments: &[::guest_sdk::Payload],
            ) -> ::guest_sdk::__private::StartedMethod<::guest_sdk::WorkflowResult<::guest_sdk::Payload>> {
                #run
            }

            fn signal(
                context: &::guest_sdk::WorkflowContext<Self>,
                name: &str,
                arguments: &[::guest_sdk::Payload],
            ) -> ::guest_sdk::__private::HandlerCall<()> {
                match name {
                    #signals
                }
            }

            fn query(
                &self,
                context: &::guest_sdk::WorkflowContextView,
                name: &str,
                arguments: &[::guest_sdk::Payload],
            ) -> ::guest_sdk::__private::HandlerCall<::guest_sdk::__private::HandlerResult> {
                match name {
                    #queries
                }
            }

            fn update(
                context: &::guest_sdk::WorkflowContext<Self>,
                name: &str,
                arguments: &[::guest_sdk::Payload],
            ) -> ::guest_sdk::__private::HandlerCall<::guest_sdk::__private::HandlerResult> {
                match name {
                    #updates
                }
            }

            fn validate(
                &self,
                context: &::guest_sdk::WorkflowContextView,
                name: &str,
                arguments: &[::guest_sdk::Payload],
            ) -> ::guest_sdk::__private::HandlerCall<::guest_sdk::__private::ValidationResult> {
                match name {
                    #validators
                }
            }
        }
    }
}

fn init_body(workflow: &Workflow) -> TokenStream {
    let Some(init) = &workflow.init else {
        return quote!(Ok(<Self as ::core::default::Default>::default()));
    };
    let (decode, idents) = (decode(&init.inputs, &init.input_idents()), init.input_idents());
    let ident = init.ident();
    quote! {
        #decode
        Ok(Self::#ident(context, #(#idents),*))
    }
}

fn run_body(run: &Method) -> TokenStream {
    let (decode, idents) = (decode(&run.inputs, &run.input_idents()), run.input_idents());
    let method = run.hidden_ident();
    quote! {
        #decode
        Ok(::std::boxed::Box::pin(async move {
            let result = Self::#method(&mut context, #(#idents),*).await?;
            Ok(::guest_sdk::Returned::to_payload(&result)?)
        }))
    }
}

fn decode(inputs: &[Type], idents: &[Ident]) -> TokenStream {
    let ty = arguments_type(inputs);
    let pattern = arguments_pattern(inputs, idents);
    quote! {
        let #pattern = <#ty as ::guest_sdk::FromPayloads>::from_payloads(arguments)?;
    }
}

/// The pattern of an arm, and the inputs of its method. A dynamic method takes the name and the undecoded
/// arguments.
fn arm(method: &Method) -> (TokenStream, TokenStream, TokenStream) {
    if method.options.has("dynamic") {
        let decode = quote! {
            let (name, arguments) = (name.to_owned(), ::guest_sdk::RawValue(arguments.to_vec()));
        };
        return (quote!(_), decode, quote!(name, arguments));
    }
    let name = handler_name(method);
    let (decode, idents) = (decode(&method.inputs, &method.input_idents()), method.input_idents());
    (quote!(name if name == #name), decode, quote!(#(#idents),*))
}

/// Converts the return value of a handler for the SDK.
fn answer(method: &Method, result: &TokenStream) -> TokenStream {
    let convert = if method.is_fallible { quote!(fallible) } else { quote!(infallible) };
    quote!(::guest_sdk::__private::#convert(#result))
}

/// Drops the return value of a signal handler.
fn no_answer(_method: &Method, result: &TokenStream) -> TokenStream {
    quote!({
        let _ = #result;
    })
}

/// The arms of methods that may be async.
fn handler_arm(method: &Method, answer: fn(&Method, &TokenStream) -> TokenStream) -> TokenStream {
    let (pattern, decode, inputs) = arm(method);
    let ident = method.hidden_ident();
    if method.is_async() {
        let result = answer(method, &quote!(Self::#ident(&mut context, #inputs).await));
        quote! {
            #pattern => ::guest_sdk::__private::HandlerCall::running(|| {
                #decode
                let mut context = ::core::clone::Clone::clone(context);
                Ok(::std::boxed::Box::pin(async move { #result }))
            }),
        }
    } else {
        let call = quote!(context.handle_sync(|state, context| state.#ident(context, #inputs)));
        let result = answer(method, &call);
        quote! {
            #pattern => ::guest_sdk::__private::HandlerCall::done(|| {
                #decode
                Ok(#result)
            }),
        }
    }
}

/// An arm for each method, and one for other names. The dynamic method is last, because it matches every
/// name.
fn arms(methods: &[Method], arm: impl Fn(&Method) -> TokenStream) -> TokenStream {
    let (dynamic, named): (Vec<&Method>, Vec<&Method>) =
        methods.iter().partition(|method| method.options.has("dynamic"));
    let fallback = dynamic.is_empty().then(|| quote!(_ => ::guest_sdk::__private::HandlerCall::Unknown,));
    let arms = named.into_iter().chain(dynamic).map(arm);
    quote!(#(#arms)* #fallback)
}

fn query_arm(method: &Method) -> TokenStream {
    let (pattern, decode, inputs) = arm(method);
    let ident = method.hidden_ident();
    let result = answer(method, &quote!(self.#ident(context, #inputs)));
    quote! {
        #pattern => ::guest_sdk::__private::HandlerCall::done(|| {
            #decode
            Ok(#result)
        }),
    }
}

fn validator<'a>(workflow: &'a Workflow, update: &Method) -> Option<&'a Method> {
    workflow.validators.iter().find(|(name, _)| name == update.ident()).map(|(_, validator)| validator)
}

/// An arm for each update, with a validator or not: arguments that do not decode are rejected in both cases.
fn validator_arm(workflow: &Workflow, update: &Method) -> TokenStream {
    let (pattern, decode, _) = arm(update);
    let verdict = match validator(workflow, update) {
        Some(validator) => {
            let ident = validator.ident();
            let inputs = if update.options.has("dynamic") {
                quote!(&name, &arguments)
            } else {
                let idents = update.input_idents();
                quote!(#(&#idents),*)
            };
            quote!(::guest_sdk::__private::validated(self.#ident(context, #inputs)))
        }
        None => quote!(Ok(())),
    };
    quote! {
        #pattern => ::guest_sdk::__private::HandlerCall::done(|| {
            #decode
            Ok(#verdict)
        }),
    }
}
