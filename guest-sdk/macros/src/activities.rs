//! `#[activities]` and `#[activity_definitions]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, GenericArgument, ImplItem, ItemImpl, PathArguments, Result, Type};

use crate::marker::{Marker, arguments_pattern, arguments_type, module, module_definition};
use crate::method::{Method, Receiver, last_segment, simple_type, take_attribute};
use crate::plain::plain_call;

/// Whether the impl block implements the activities, or only declares them.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bodies {
    Here,
    Elsewhere,
}

pub(crate) fn expand(attributes: TokenStream, item: TokenStream, bodies: Bodies) -> Result<TokenStream> {
    if !attributes.is_empty() {
        return Err(Error::new_spanned(attributes, "this attribute takes no arguments"));
    }
    let mut block: ItemImpl = syn::parse2(item)?;
    let type_name = simple_type(&block)?;
    let module = module(&type_name, "activities");
    let mut activities = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(item) = item else { continue };
        let Some(attribute) = take_attribute(item, &["activity"])? else { continue };
        let activity = Method::parse(item.clone(), &attribute, &["process"], &["ActivityContext"])?;
        check(&activity, bodies)?;
        item.sig.ident = activity.hidden_ident();
        activities.push(activity);
    }
    let markers: Vec<Marker> = activities
        .iter()
        .map(|activity| Marker::new(activity, &module, &name(activity), &activity.inputs))
        .collect();
    let marker_module = module_definition(&module, &markers);
    let (constants, inputs, callables, paths) = (
        markers.iter().map(|marker| &marker.constant),
        markers.iter().map(|marker| &marker.input),
        markers.iter().map(|marker| &marker.callable),
        markers.iter().map(|marker| &marker.path),
    );
    let implementation = match bodies {
        Bodies::Here => {
            let pairs = activities.iter().zip(&markers);
            let calls = pairs.map(|(activity, marker)| plain_call(activity, &marker.path, &type_name));
            let registration = registration(&block, &activities);
            quote!(#(#calls)* #registration)
        }
        Bodies::Elsewhere => TokenStream::new(),
    };
    Ok(quote! {
        impl #type_name {
            #(#constants)*
        }
        #marker_module
        #(#inputs)*
        #(#callables)*
        #(impl ::guest_sdk::ActivityDefinition for #paths {})*
        #implementation
    })
}

fn check(activity: &Method, bodies: Bodies) -> Result<()> {
    if !activity.is_fallible {
        return Err(activity.refuse("an activity returns a `Result<T, ActivityError>`"));
    }
    if activity.is_async() && activity.options.has("process") {
        return Err(activity.refuse("an activity for the process pool is not async"));
    }
    if !matches!(activity.receiver(), Receiver::None | Receiver::Arc) {
        return Err(activity.refuse("an activity takes `self: Arc<Self>`, or no `self`"));
    }
    if bodies == Bodies::Elsewhere && (activity.context.is_some() || activity.receiver() != Receiver::None) {
        return Err(activity.refuse("a declaration has no receiver and no context"));
    }
    Ok(())
}

fn name(activity: &Method) -> TokenStream {
    let default = activity.ident().to_string();
    match &activity.options.name {
        Some(name) => quote!(#name),
        None => quote!(#default),
    }
}

/// The implementations and their registration, for the host only.
fn registration(block: &ItemImpl, activities: &[Method]) -> TokenStream {
    let type_name = &block.self_ty;
    let registrations = activities.iter().map(|activity| {
        let kind = match (activity.is_async(), activity.options.has("process")) {
            (true, _) => quote!(asynchronous),
            (false, false) => quote!(thread),
            (false, true) => quote!(process),
        };
        let (name, method, idents) = (name(activity), activity.hidden_ident(), activity.input_idents());
        let pattern = arguments_pattern(&activity.inputs, &idents);
        let arguments = arguments_type(&activity.inputs);
        let instance =
            (activity.receiver() == Receiver::Arc).then(|| quote!(::std::sync::Arc::clone(&instance),));
        let context = activity.context.is_some().then(|| quote!(context,));
        quote! {
            let instance = ::std::sync::Arc::clone(&self);
            registry.register(::guest_sdk::__private::host::Definition::#kind(
                #name,
                move |context, #pattern: #arguments| Self::#method(#instance #context #(#idents),*),
            ))?;
        }
    });
    let mut imported = imported_types(activities);
    imported.extend(activities.iter().filter_map(|activity| receiver_type(activity, &block.self_ty)));
    quote! {
        #[cfg(target_family = "wasm")]
        const _: ::core::option::Option<(#(#imported,)*)> = ::core::option::Option::None;

        #[cfg(not(target_family = "wasm"))]
        #block

        #[cfg(not(target_family = "wasm"))]
        #[allow(unused_variables, reason = "not every activity takes the instance and the context")]
        impl ::guest_sdk::__private::host::Activities for #type_name {
            fn register(
                self: ::std::sync::Arc<Self>,
                registry: &mut ::guest_sdk::__private::host::Registry,
            ) -> ::core::result::Result<(), ::guest_sdk::__private::host::DuplicateActivity> {
                #(#registrations)*
                Ok(())
            }
        }
    }
}

/// The types of context and error in the signatures: the sandbox names them too, so that their imports are
/// used.
fn imported_types(activities: &[Method]) -> Vec<Type> {
    let contexts = activities.iter().filter_map(|activity| activity.context.clone());
    let errors = activities.iter().filter_map(|activity| activity.error.clone());
    contexts
        .chain(errors.filter(|error| last_segment(error).is_some_and(|name| name == "ActivityError")))
        .collect()
}

/// The type of a receiver such as `self: Arc<Self>`, outside of the impl block.
fn receiver_type(activity: &Method, self_type: &Type) -> Option<Type> {
    let Some(FnArg::Receiver(receiver)) = activity.item.sig.inputs.first() else { return None };
    receiver.colon_token?;
    let mut ty = (*receiver.ty).clone();
    let Type::Path(path) = &mut ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &mut path.path.segments.last_mut()?.arguments else {
        return None;
    };
    for argument in &mut arguments.args {
        if let GenericArgument::Type(argument) = argument {
            *argument = self_type.clone();
        }
    }
    Some(ty)
}
