//! Markers: for each method a type with its name, input and output, and a constant of that type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, Type};

use crate::method::{Method, last_segment};

/// The three parts of a marker.
pub(crate) struct Marker {
    /// The type, for the module of markers.
    pub(crate) type_definition: TokenStream,
    /// The constant, for an impl block.
    pub(crate) constant: TokenStream,
    /// The impl of `Callable`.
    pub(crate) callable: TokenStream,
    /// The path of the type.
    pub(crate) path: TokenStream,
}

impl Marker {
    /// The marker of a method, in `module`. `inputs` are the inputs of the method, or of `#[init]` for a
    /// `#[run]` method without inputs.
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
                #[allow(non_upper_case_globals, dead_code, reason = "named like its method, which may have no typed call")]
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

/// The type that the arguments of a parameter list are decoded as.
pub(crate) fn arguments_type(inputs: &[Type]) -> TokenStream {
    match inputs {
        [only] if is_raw(only) => quote!(#only),
        inputs => quote!((#(#inputs,)*)),
    }
}

/// The pattern that destructures decoded arguments.
pub(crate) fn arguments_pattern(inputs: &[Type], idents: &[Ident]) -> TokenStream {
    match inputs {
        [only] if is_raw(only) => quote!(#(#idents)*),
        _ => quote!((#(#idents,)*)),
    }
}

/// Whether the only parameter takes the arguments undecoded.
fn is_raw(input: &Type) -> bool {
    last_segment(input).is_some_and(|name| name == "RawValue")
}

/// The name of the module of markers of a type.
pub(crate) fn module(type_name: &Ident, what: &str) -> Ident {
    format_ident!("__{}_{what}", type_name.to_string().to_lowercase())
}

/// The module of markers, with its types.
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
