//! Plain calls of methods whose names their markers have, for native tests: `Greeting::language.call(&greeting, &view)`.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::FnArg;

use crate::method::{Method, Receiver};

/// The function `call` of a marker: the method itself, behind its receiver.
pub(crate) fn plain_call(method: &Method, marker: &TokenStream, self_type: &Ident) -> TokenStream {
    let own = |tokens: &dyn ToTokens| with_self(tokens.to_token_stream(), self_type);
    let receiver = match method.receiver() {
        Receiver::Reference => quote!(receiver: &#self_type,),
        Receiver::MutableReference => quote!(receiver: &mut #self_type,),
        Receiver::Arc => quote!(receiver: ::std::sync::Arc<#self_type>,),
        Receiver::None | Receiver::Other => TokenStream::new(),
    };
    let passed = (!receiver.is_empty()).then(|| quote!(receiver,));
    let parameters: Vec<TokenStream> = method
        .item
        .sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(input) => Some(own(&input.ty)),
            FnArg::Receiver(_) => None,
        })
        .collect();
    let names: Vec<Ident> = (0..parameters.len()).map(|index| format_ident!("argument_{index}")).collect();
    let (asyncness, output) = (&method.item.sig.asyncness, own(&method.item.sig.output));
    let awaited = asyncness.map(|_| quote!(.await));
    let hidden = method.hidden_ident();
    quote! {
        #[cfg(not(target_family = "wasm"))]
        #[allow(
            dead_code, missing_docs, private_interfaces, unreachable_pub, clippy::missing_errors_doc,
            clippy::must_use_candidate, clippy::too_many_arguments, clippy::unused_self,
            reason = "for tests, which may have none; documented at the method"
        )]
        impl #marker {
            pub #asyncness fn call(&self, #receiver #(#names: #parameters),*) #output {
                #self_type::#hidden(#passed #(#names),*)#awaited
            }
        }
    }
}

/// Tokens with the type in the place of `Self`.
fn with_self(tokens: TokenStream, self_type: &Ident) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => TokenTree::Ident(self_type.clone()),
            TokenTree::Group(group) => {
                let inner = with_self(group.stream(), self_type);
                TokenTree::Group(Group::new(group.delimiter(), inner))
            }
            other => other,
        })
        .collect()
}
