//! `select!` and `join!`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Pat, Result, Token};

/// The branches of a `select!`.
struct Select {
    branches: Vec<Branch>,
    /// The branch for when all futures have ended.
    complete: Option<Expr>,
    /// The branch for when no future is ready.
    default: Option<Expr>,
}

struct Branch {
    pattern: Pat,
    future: Expr,
    body: Expr,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut select = Self { branches: Vec::new(), complete: None, default: None };
        while !input.is_empty() {
            let is_word = input.peek(Ident) && input.peek2(Token![=>]);
            if is_word {
                let word: Ident = input.parse()?;
                let place = match word.to_string().as_str() {
                    "complete" => &mut select.complete,
                    "default" => &mut select.default,
                    _ => {
                        return Err(syn::Error::new_spanned(
                            word,
                            "a branch is `pattern = future => expression`",
                        ));
                    }
                };
                *place = Some(body(input)?);
                continue;
            }
            let pattern = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![=]>()?;
            let future = input.parse()?;
            select.branches.push(Branch { pattern, future, body: body(input)? });
        }
        Ok(select)
    }
}

/// The expression behind the arrow. The comma after a block is optional, as in `match`.
fn body(input: ParseStream<'_>) -> Result<Expr> {
    input.parse::<Token![=>]>()?;
    let is_block = input.peek(syn::token::Brace);
    let body = if is_block { Expr::Block(input.parse()?) } else { input.parse()? };
    if !input.is_empty() && (!is_block || input.peek(Token![,])) {
        input.parse::<Token![,]>()?;
    }
    Ok(body)
}

pub(crate) fn select(input: TokenStream) -> Result<TokenStream> {
    let Select { branches, complete, default } = syn::parse2(input)?;
    let cases: Vec<Ident> = (0..branches.len()).map(|index| format_ident!("Branch{index}")).collect();
    let futures: Vec<Ident> = (0..branches.len()).map(|index| format_ident!("future_{index}")).collect();
    // A future in a variable belongs to the code around.
    let own = branches
        .iter()
        .zip(&futures)
        .filter(|(branch, _)| !is_variable(&branch.future))
        .map(|(_, name)| name);
    let pins = branches.iter().zip(&futures).map(|(branch, name)| pin(name, &branch.future));
    let bodies = branches
        .iter()
        .zip(&cases)
        .map(|(Branch { pattern, body, .. }, case)| quote!(Selected::#case(#pattern) => #body,));
    let complete = complete.map_or_else(
        || quote!(::core::panic!("every future of `select!` has ended, and there is no `complete` branch")),
        |body| quote!(#body),
    );
    let (default_poll, default) = match default {
        Some(body) => (quote!(::core::task::Poll::Ready(Selected::Default)), quote!(#body)),
        None => (quote!(::core::task::Poll::Pending), quote!(::core::unreachable!())),
    };
    Ok(quote! {{
        #[allow(dead_code, reason = "not every `select!` has every branch")]
        enum Selected<#(#cases),*> {
            #(#cases(#cases),)*
            Complete,
            Default,
        }
        // The futures are dropped before a branch runs, so that it can use what they borrowed.
        let selected = {
            #(#pins)*
            let selected = ::core::future::poll_fn(|context| {
                #[allow(unused_imports, reason = "which one is used depends on the future")]
                use ::guest_sdk::__private::{IsTerminated as _, MayBeTerminated as _};
                let mut is_complete = true;
                #(
                    if !(&::guest_sdk::__private::Probe(&*#futures)).is_terminated() {
                        is_complete = false;
                        if let ::core::task::Poll::Ready(result) =
                            ::core::future::Future::poll(#futures.as_mut(), context)
                        {
                            return ::core::task::Poll::Ready(Selected::#cases(result));
                        }
                    }
                )*
                if is_complete {
                    return ::core::task::Poll::Ready(Selected::Complete);
                }
                #default_poll
            })
            .await;
            #[allow(unused_imports, reason = "which one is used depends on the future")]
            use ::guest_sdk::__private::{Lost as _, LostTimer as _};
            #((&::guest_sdk::__private::Probe(&*#own)).lose();)*
            selected
        };
        match selected {
            #(#bodies)*
            Selected::Complete => #complete,
            Selected::Default => #default,
        }
    }})
}

/// A future in a variable is borrowed, so that the next `select!` can poll it too.
fn pin(name: &Ident, future: &Expr) -> TokenStream {
    if is_variable(future) {
        quote!(let mut #name = ::core::pin::Pin::new(&mut #future);)
    } else {
        quote!(let mut #name = ::core::pin::pin!(#future);)
    }
}

fn is_variable(future: &Expr) -> bool {
    matches!(future, Expr::Path(_))
}

pub(crate) fn join(input: TokenStream) -> Result<TokenStream> {
    let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
    let expressions: Vec<Expr> = syn::parse::Parser::parse2(parser, input)?.into_iter().collect();
    let futures: Vec<Ident> = (0..expressions.len()).map(|index| format_ident!("future_{index}")).collect();
    let results: Vec<Ident> = (0..expressions.len()).map(|index| format_ident!("result_{index}")).collect();
    Ok(quote! {{
        #(
            let mut #futures = ::core::pin::pin!(#expressions);
            let mut #results = ::core::option::Option::None;
        )*
        ::core::future::poll_fn(|context| {
            #(
                if #results.is_none() {
                    if let ::core::task::Poll::Ready(result) =
                        ::core::future::Future::poll(#futures.as_mut(), context)
                    {
                        #results = ::core::option::Option::Some(result);
                    }
                }
            )*
            match (#(#results.take(),)*) {
                (#(::core::option::Option::Some(#futures),)*) => ::core::task::Poll::Ready((#(#futures,)*)),
                #[allow(unreachable_patterns, reason = "without futures the second arm is unreachable")]
                (#(#futures,)*) => {
                    #(#results = #futures;)*
                    ::core::task::Poll::Pending
                }
            }
        })
        .await
    }})
}
