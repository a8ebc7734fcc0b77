//! Markers: for each method a type that says name, input and output, and a constant of that type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, Type};

use crate::method::{Method, last_segment};

/// The three parts of a marker, each of which belongs elsewhere.
pub(crate) struct Marker {
    /// The type, to stand in the module for markers.
    pub(crate) type_definition: TokenStream,
    /// The constant, to stand in an impl block.
    pub(crate) constant: TokenStream,
    /// The impl of `Callable`.
    pub(crate) callable: TokenStream,
    /// The path of the type.
    pub(crate) path: TokenStream,
}

impl Marker {
    /// The marker of a method, in `module`. `inputs` are its own, but for main routines that leave them to
    /// `#[init]`.
    pub(crate) fn new(method: &Method, module: &Ident, name: &TokenStream, inputs: &[Type]) -> Self {
        let ident = method.ident();
        let visibility = &method.item.vis;
        let documentation: Vec<&Attribute> =
            method.item.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
        let output = &method.output;
        let arguments = arguments_type(inputs);
        let (input, convert) = match inputs {
            [] => (quote!(()), quote!(let () = input;)),
            [only] if is_raw(only) => (quote!(#only), quote!(input)),
            [only] => (quote!(#only), quote!((input,))),
            several => (quote!((#(#several),*)), quote!(input)),
        };
        Self {
            type_definition: quote! {
                #[derive(Clone, Copy, Debug)]
                pub struct #ident;
            },
            constant: quote! {
                #(#documentation)*
                #[allow(non_upper_case_globals, dead_code, reason = "stands for a method, not every one of which is called")]
                #visibility const #ident: #module::#ident = #module::#ident;
            },
            callable: quote! {
                impl ::guest_sdk::Callable for #module::#ident {
                    type Input = #input;
                    type Arguments = #arguments;
                    type Output = #output;

                    fn name(&self) -> &str {
                        #name
                    }

                    fn arguments(input: Self::Input) -> Self::Arguments {
                        #convert
                    }
                }
            },
            path: quote!(#module::#ident),
        }
    }
}

/// The type that a parameter list is decoded as.
pub(crate) fn arguments_type(inputs: &[Type]) -> TokenStream {
    match inputs {
        [only] if is_raw(only) => quote!(#only),
        inputs => quote!((#(#inputs,)*)),
    }
}

/// The pattern that takes decoded arguments apart.
pub(crate) fn arguments_pattern(inputs: &[Type], idents: &[Ident]) -> TokenStream {
    match inputs {
        [only] if is_raw(only) => quote!(#(#idents)*),
        _ => quote!((#(#idents,)*)),
    }
}

/// Whether a lone parameter takes the arguments as they came.
fn is_raw(input: &Type) -> bool {
    last_segment(input).is_some_and(|name| name == "RawValue")
}

/// The module for the markers of a type.
pub(crate) fn module(type_name: &Ident, what: &str) -> Ident {
    format_ident!("__{}_{what}", type_name.to_string().to_lowercase())
}

/// The module with its types.
pub(crate) fn module_definition(module: &Ident, markers: &[Marker]) -> TokenStream {
    let types = markers.iter().map(|marker| &marker.type_definition);
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs, unreachable_pub, reason = "each type is named like its method")]
        mod #module {
            #(#types)*
        }
    }
}
