//! The listener: addresses, headers, and the way of a request to its page.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_service::serve_http;
use tokio::net::TcpListener;
use tower_service::Service as _;

use crate::{
    access::{self, Refusal},
    assets,
    fault::Fault,
    fields::Fields,
    live, pages,
    site::{PageOptions, Site},
    token::{Token, TokenError},
};

/// Nothing from elsewhere, nothing inline, no frames: what workflows say cannot become code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const ISOLATION: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCES: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The page on its address, before it answers.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// Other machines would reach it.
    #[error(
        "{0} is reachable from other machines, and the page has neither encryption nor users: take an address of this \
         machine, such as 127.0.0.1:8233, and reach it from elsewhere through a tunnel: ssh -L 8233:127.0.0.1:8233 HOST"
    )]
    Exposed(SocketAddr),
    /// The address cannot be used, for example because another process has it.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Page {
    /// Whether the page may be on an address: other machines must not reach it.
    ///
    /// # Errors
    ///
    /// When they would.
    pub fn check(address: SocketAddr) -> Result<(), PageError> {
        if address.ip().is_loopback() { Ok(()) } else { Err(PageError::Exposed(address)) }
    }

    /// Listens on an address; port 0 takes any that is free. The token is that of the data folder.
    ///
    /// # Errors
    ///
    /// When other machines would reach the address, it cannot be used, or there is no token.
    pub async fn bind(address: SocketAddr, token: Token) -> Result<Self, PageError> {
        Self::check(address)?;
        let listen = |source| PageError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address, token })
    }

    /// The address of the page with the token: a browser that opens it may act.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token.secret())
    }

    /// Answers until the process ends.
    pub async fn serve(self, options: PageOptions) {
        let Self { listener, address, token } = self;
        let site = Site::new(options, address.port(), token);
        let router = router(site.clone());
        let answer = move |request: axum::http::Request<_>| {
            let mut router = router.clone();
            async move {
                let Ok(response) = router.call(request).await;
                response
            }
        };
        tokio::join!(serve_http(listener, answer, std::future::pending()), site.samples().gather());
    }
}

fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(pages::workflows::show))
        .route("/workflow", get(pages::workflow::show))
        .route("/workflow/history", get(pages::workflow_history::show))
        .route("/workflow/stack", get(pages::stack::show))
        .route("/workflow/at", get(pages::at::show))
        .route("/workflow/actions", get(pages::actions::show))
        .route("/workflow/query", get(pages::actions::query))
        .route("/workflow/signal", post(pages::actions::signal))
        .route("/workflow/update", post(pages::actions::update))
        .route("/workflow/cancel", post(pages::actions::cancel))
        .route("/workflow/terminate", post(pages::actions::terminate))
        .route("/workflow/reset", post(pages::actions::reset))
        .route("/modules", get(pages::modules::show))
        .route("/module", get(pages::module::show))
        .route("/module/swap", post(pages::module::swap))
        .route("/modules/rollback", post(pages::modules::rollback))
        .route("/task-queues", get(pages::task_queues::show))
        .route("/schedules", get(pages::schedules::show))
        .route("/workers", get(pages::workers::show))
        .route("/live", get(live::follow))
        .route("/style.css", get(assets::style))
        .route("/script.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
        .fallback(|| async { Fault::missing("There is no such page.") })
        .layer(middleware::from_fn_with_state(site.clone(), guard))
        .with_state(site)
}

/// Lets through what may pass, with what it may do, and gives every answer the headers that all have.
async fn guard(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let checked = access::check(request.method(), request.headers(), site.port(), site.token());
    let signed_in = signed_in(&site, &request);
    let mut response = match (checked, signed_in) {
        (Err(refusal), _) => refused(refusal),
        (Ok(_), Some(response)) => response,
        (Ok(access), None) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
    };
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Browsers name the origin of a form only where referrers may go.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (ISOLATION, "same-origin"),
        (RESOURCES, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The answer to an address with the token: the cookie, and the same page without it.
fn signed_in(site: &Site, request: &Request) -> Option<Response> {
    let fields = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let given = Some(fields.get("token")).filter(|given| !given.is_empty())?;
    if !site.token().is(given) {
        return Some(refused(Refusal::Token));
    }
    let name = access::cookie_name(site.port());
    let cookie = format!("{name}={given}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    let response = Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, "/")
        .header(SET_COOKIE, cookie)
        .body(Body::empty());
    response.ok()
}

fn refused(refusal: Refusal) -> Response {
    Fault { status: refusal.status(), message: refusal.message().to_owned() }.into_response()
}
