//! A method with an attribute of this crate: parses the attribute and the signature.

use quote::{ToTokens, format_ident};
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, ImplItemFn, Lit, Meta, MetaNameValue,
    PathArguments, Result, ReturnType, Type,
};

/// The attributes of handlers.
const HANDLERS: [&str; 3] = ["signal", "query", "update"];

/// A parsed method.
pub(crate) struct Method {
    pub(crate) item: ImplItemFn,
    pub(crate) options: Options,
    /// The types of the parameters behind receiver and context.
    pub(crate) inputs: Vec<Type>,
    pub(crate) context: Option<Type>,
    /// The type of the result: `T` of a `Result<T, E>`.
    pub(crate) output: Type,
    /// Whether the result is a `Result`.
    pub(crate) is_fallible: bool,
    /// `E` of a `Result<T, E>`.
    pub(crate) error: Option<Type>,
}

/// The arguments of an attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Expr>,
    pub(crate) versioning_behavior: Option<VersioningBehavior>,
    pub(crate) description: Option<Expr>,
    pub(crate) flags: Vec<Ident>,
}

/// The argument of `#[run]` for [`VersioningBehavior`], as it is listed among those that are known.
pub(crate) const VERSIONING_BEHAVIOR: &str = "versioning_behavior = …";

/// What a workflow type says of its runs when another module takes the new ones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VersioningBehavior {
    Pinned,
    AutoUpgrade,
}

/// The receiver of a method.
#[derive(PartialEq)]
pub(crate) enum Receiver {
    None,
    Reference,
    MutableReference,
    Arc,
    Other,
}

impl Method {
    /// Parses a method. `flags` are the arguments that the attribute may have beside the name; `contexts` are
    /// the names of context types.
    pub(crate) fn parse(
        item: ImplItemFn,
        attribute: &Attribute,
        flags: &[&str],
        contexts: &[&str],
    ) -> Result<Self> {
        if !item.sig.generics.params.is_empty() {
            return Err(Error::new_spanned(&item.sig.generics, "this method cannot be generic"));
        }
        let options = Options::parse(attribute, flags)?;
        let mut types = item.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(input) => Some((*input.ty).clone()),
            FnArg::Receiver(_) => None,
        });
        let first = types.next();
        let is_context = first.as_ref().is_some_and(|first| {
            last_segment(first).is_some_and(|name| contexts.iter().any(|context| name == context))
        });
        let (context, first) = if is_context { (first, None) } else { (None, first) };
        let inputs = first.into_iter().chain(types).collect();
        let (output, is_fallible, error) = output(&item.sig.output);
        Ok(Self { options, inputs, context, output, is_fallible, error, item })
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// The new name of the method, if the constant of its marker takes its own.
    pub(crate) fn hidden_ident(&self) -> Ident {
        format_ident!("__{}", self.ident())
    }

    pub(crate) fn is_async(&self) -> bool {
        self.item.sig.asyncness.is_some()
    }

    pub(crate) fn receiver(&self) -> Receiver {
        match self.item.sig.inputs.first() {
            Some(FnArg::Receiver(receiver)) if receiver.colon_token.is_some() => {
                if last_segment(&receiver.ty).is_some_and(|name| name == "Arc") {
                    Receiver::Arc
                } else {
                    Receiver::Other
                }
            }
            Some(FnArg::Receiver(receiver)) => match (&receiver.reference, &receiver.mutability) {
                (Some(_), Some(_)) => Receiver::MutableReference,
                (Some(_), None) => Receiver::Reference,
                (None, _) => Receiver::Other,
            },
            _ => Receiver::None,
        }
    }

    /// Generated names of the inputs.
    pub(crate) fn input_idents(&self) -> Vec<Ident> {
        (0..self.inputs.len()).map(|index| format_ident!("input_{index}")).collect()
    }

    pub(crate) fn returns_nothing(&self) -> bool {
        !self.is_fallible && matches!(&self.output, Type::Tuple(tuple) if tuple.elems.is_empty())
    }

    /// The first paragraph of the documentation, as one line.
    pub(crate) fn first_paragraph(&self) -> String {
        let lines = self.item.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        let lines = lines.filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(MetaNameValue {
                value: Expr::Lit(ExprLit { lit: Lit::Str(line), .. }), ..
            }) => Some(line.value().trim().to_owned()),
            _ => None,
        });
        let paragraph: Vec<String> =
            lines.skip_while(String::is_empty).take_while(|line| !line.is_empty()).collect();
        paragraph.join(" ")
    }

    pub(crate) fn refuse(&self, message: &str) -> Error {
        Error::new_spanned(&self.item.sig, message)
    }
}

impl Options {
    fn parse(attribute: &Attribute, flags: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Ok(options);
        }
        let is_handler = attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| HANDLERS.iter().any(|kind| last.ident == kind));
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
                return Ok(());
            }
            if meta.path.is_ident("versioning_behavior") && flags.contains(&VERSIONING_BEHAVIOR) {
                options.versioning_behavior = Some(VersioningBehavior::parse(&meta.value()?.parse()?)?);
                return Ok(());
            }
            if is_handler && meta.path.is_ident("description") {
                options.description = Some(meta.value()?.parse()?);
                return Ok(());
            }
            match meta.path.get_ident() {
                Some(flag) if flags.iter().any(|known| flag == known) => {
                    options.flags.push(flag.clone());
                    Ok(())
                }
                _ => {
                    let described = is_handler.then(|| "description = …".to_owned());
                    let known: Vec<String> = std::iter::once("name = …".to_owned())
                        .chain(described)
                        .chain(flags.iter().map(|flag| (*flag).to_owned()))
                        .map(|name| format!("`{name}`"))
                        .collect();
                    Err(meta.error(format!("unknown argument; known: {}", known.join(", "))))
                }
            }
        })?;
        Ok(options)
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }
}

impl VersioningBehavior {
    fn parse(name: &Ident) -> Result<Self> {
        match name.to_string().as_str() {
            "pinned" => Ok(Self::Pinned),
            "auto_upgrade" => Ok(Self::AutoUpgrade),
            _ => Err(Error::new_spanned(name, "a versioning behavior is `pinned` or `auto_upgrade`")),
        }
    }
}

/// The last segment of the path of a type, without references.
pub(crate) fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Reference(reference) => last_segment(&reference.elem),
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// `T`, whether the type is a `Result` or `WorkflowResult`, and `E`.
fn output(output: &ReturnType) -> (Type, bool, Option<Type>) {
    let ReturnType::Type(_, ty) = output else { return (syn::parse_quote!(()), false, None) };
    if let Type::Path(path) = &**ty
        && let Some(segment) = path.path.segments.last()
        && segment.ident.to_string().ends_with("Result")
        && let PathArguments::AngleBracketed(arguments) = &segment.arguments
    {
        let mut types = arguments.args.iter().filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        });
        if let Some(ok) = types.next() {
            return (ok, true, types.next());
        }
    }
    ((**ty).clone(), false, None)
}

/// The name of the type of an impl block. An impl block with generics or a trait is an error.
pub(crate) fn simple_type(block: &syn::ItemImpl) -> Result<Ident> {
    if !block.generics.params.is_empty() || block.trait_.is_some() {
        return Err(Error::new_spanned(&block.generics, "the impl block must be a plain `impl Type { … }`"));
    }
    last_segment(&block.self_ty).cloned().ok_or_else(|| {
        Error::new_spanned(
            block.self_ty.to_token_stream(),
            "the impl block must be of a type without a path and generics",
        )
    })
}

/// Removes the attribute with one of these names, and returns it.
pub(crate) fn take_attribute(method: &mut ImplItemFn, names: &[&str]) -> Result<Option<Attribute>> {
    let is_ours = |attribute: &Attribute| {
        attribute.path().segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
    };
    let mut ours = method.attrs.iter().filter(|attribute| is_ours(attribute)).cloned();
    let (first, second) = (ours.next(), ours.next());
    if second.is_some() {
        return Err(Error::new_spanned(&method.sig, "a method has one such attribute"));
    }
    method.attrs.retain(|attribute| !is_ours(attribute));
    Ok(first)
}
