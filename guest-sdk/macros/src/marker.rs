//! Markers: for each method a type with its name, input and output, and a constant of that type.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Ident, Type};

/// Number types, whose literals have no type of their own: `3` is a `u32` where nothing else fits.
const NUMBERS: [&str; 14] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64"];

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
    /// The type of the input of a caller, if it has one of its own.
    pub(crate) input: TokenStream,
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
        let own = format_ident!("{module}_{ident}_input");
        let (input, convert, definition) = match inputs {
            [] => (quote!(()), quote!(let () = input;), quote!()),
            [only] if is_raw(only) => (quote!(#only), quote!(input), quote!()),
            [only] if !is_number(only) => (quote!(#only), quote!((input,)), quote!()),
            inputs => (quote!(#own), quote!(input.0), own_input(&own, inputs)),
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
            // What the compiler says of the types of a method is said at the method.
            callable: quote_spanned! { ident.span().resolved_at(Span::call_site()) =>
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
            input: definition,
        }
    }
}

/// The input of a call with a number or several parameters. What callers pass is converted to it: literals become the
/// numbers of the signature, and a `&str` a `String`.
fn own_input(name: &Ident, inputs: &[Type]) -> TokenStream {
    let texts: Vec<Ident> = inputs
        .iter()
        .enumerate()
        .filter(|(_, input)| is_named(input, &["String"]))
        .map(|(index, _)| format_ident!("Text{index}"))
        .collect();
    let mut next = texts.iter();
    let given: Vec<TokenStream> = inputs
        .iter()
        .map(|input| match is_named(input, &["String"]).then(|| next.next()).flatten() {
            Some(text) => quote!(#text),
            None => quote!(#input),
        })
        .collect();
    let values: Vec<Ident> = (0..inputs.len()).map(|index| format_ident!("value_{index}")).collect();
    let converted = inputs.iter().zip(&values).map(|(input, value)| {
        if is_named(input, &["String"]) {
            quote!(::core::convert::Into::into(#value))
        } else {
            quote!(#value)
        }
    });
    let (pattern, given) = match (&values[..], &given[..]) {
        ([value], [given]) => (quote!(#value), quote!(#given)),
        (values, given) => (quote!((#(#values),*)), quote!((#(#given),*))),
    };
    quote! {
        #[doc(hidden)]
        #[allow(
            non_camel_case_types, missing_docs, missing_debug_implementations, unreachable_pub, dead_code,
            reason = "named like its method, which may have no typed call"
        )]
        pub struct #name((#(#inputs,)*));

        impl<#(#texts: ::core::convert::Into<::std::string::String>),*> ::core::convert::From<#given> for #name {
            fn from(#pattern: #given) -> Self {
                Self((#(#converted,)*))
            }
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
    is_named(input, &["RawValue"])
}

fn is_number(input: &Type) -> bool {
    is_named(input, &NUMBERS)
}

/// Whether a type has one of these names, with or without a path.
fn is_named(input: &Type, names: &[&str]) -> bool {
    last_segment(input).is_some_and(|last| names.iter().any(|name| last == name))
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
